//! Starting a process of this binary and taking it over before `main`.

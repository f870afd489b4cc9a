//! Values handed from one context to another.

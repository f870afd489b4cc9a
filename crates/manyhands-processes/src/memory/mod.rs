//! Memory that several processes see: payloads, read-only data, atomics, and what travels beside encoded bytes.

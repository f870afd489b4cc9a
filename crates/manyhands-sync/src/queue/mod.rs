//! Queues of values between contexts: first in first out, last in first out, by priority.

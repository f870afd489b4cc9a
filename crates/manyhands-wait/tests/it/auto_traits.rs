//! Which types may be sent to and shared with other threads.

use manyhands_wait::{
    CancelToken, Cancelled, Context, Dump, Reason, ThreadParker, TimedOut, Wait,
    WaitForCancellation,
};

const fn sent_and_shared<T: Send + Sync>() {}

const _: () = {
    sent_and_shared::<CancelToken>();
    sent_and_shared::<Cancelled>();
    sent_and_shared::<Context>();
    sent_and_shared::<Dump>();
    sent_and_shared::<Reason>();
    sent_and_shared::<ThreadParker>();
    sent_and_shared::<TimedOut>();
    sent_and_shared::<Wait<'static>>();
    sent_and_shared::<WaitForCancellation<'static>>();
};

#[test]
fn errors_are_errors() {
    fn text(error: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
        error.to_string()
    }
    assert_eq!(text(&TimedOut), "the wait timed out");
    assert_eq!(text(&Cancelled), "cancelled");
}

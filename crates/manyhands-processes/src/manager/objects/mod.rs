//! What a manager shares: one file for each kind of object, its handle and its state at the owner.

mod ask;
mod barrier;
mod counter;
mod event;
mod graph;
mod line;
mod list;
mod lock;
mod managed;
mod map;
mod queue;
mod semaphore;
mod value;

pub use barrier::ManagedBarrier;
pub use counter::ManagedCounter;
pub use event::ManagedEvent;
pub use list::ManagedList;
pub use lock::{
    LockSituation, LockUser, ManagedLock, ManagedLockGuard, ManagedLockOwnedGuard, managed_locks,
};
pub use managed::Managed;
pub use map::ManagedMap;
pub use queue::{Full, ManagedQueue};
pub use semaphore::{ManagedOwnedPermit, ManagedPermit, ManagedSemaphore};
pub use value::ManagedValue;

pub(crate) use barrier::BarrierState;
pub(crate) use event::EventState;
pub(crate) use graph::{Refuse, in_deadlock, waits_as};
pub(crate) use lock::LockState;
pub(crate) use queue::QueueState;
pub(crate) use semaphore::SemaphoreState;

/// Which object a handle is for; see [`Manager::remove`](crate::Manager::remove).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectId {
    pub(crate) owner: u64,
    pub(crate) object: u64,
}

/// What all handles of plain values have: functions that run on the value where it is.
macro_rules! callable {
    ($handle:ty, $value:ty, $what:literal, $($parameters:tt)+) => {
        impl<$($parameters)+> $handle {
            #[track_caller]
            fn run<A: Portable, R: Portable>(
                &self,
                argument: A,
                f: impl Fn(&mut $value, A) -> R + Copy + 'static,
            ) -> Result<R, ManagerError> {
                self.0.call(argument, f).wait(&CALL)
            }

            #[doc = concat!("Calls `f` on the ", $what, " where it is; see")]
            /// [`Managed::call`](crate::Managed::call).
            ///
            /// # Errors
            /// Also if `f` panics.
            #[track_caller]
            pub fn call<A, R, F>(&self, f: F, argument: A) -> Result<R, ManagerError>
            where
                A: Portable,
                R: Portable,
                F: Fn(&mut $value, A) -> R + Copy + Send + Sync + 'static,
            {
                self.run(argument, f)
            }
        }
    };
}
use callable;

/// What all handles are: cloned, compared and sent as the number of their object, whatever is in it.
macro_rules! handle {
    ($name:ident $(<$($parameter:ident: $bound:path),+>)?, $state:ty) => {
        impl $(<$($parameter: $bound + Send + 'static),+>)? $name $(<$($parameter),+>)? {
            pub(crate) fn of(object: std::sync::Arc<crate::manager::object::Object<$state>>) -> Self {
                $name(crate::manager::handle::Handle::of(object))
            }

            /// The same object, reached over this line.
            #[cfg(test)]
            #[allow(dead_code, reason = "not every kind of object is tested over a line")]
            pub(crate) fn over(
                &self,
                upstream: &std::sync::Arc<crate::manager::upstream::Upstream>,
            ) -> Self {
                $name(self.0.over(upstream))
            }

            /// Which object it is.
            pub fn id(&self) -> crate::manager::ObjectId {
                let target = self.0.target();
                crate::manager::ObjectId { owner: target.owner, object: target.object }
            }
        }

        impl $(<$($parameter: $bound + Send + 'static),+>)? Clone for $name $(<$($parameter),+>)? {
            fn clone(&self) -> Self {
                $name(self.0.clone())
            }
        }

        impl $(<$($parameter: $bound + Send + 'static),+>)? PartialEq for $name $(<$($parameter),+>)? {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }

        impl $(<$($parameter: $bound + Send + 'static),+>)? Eq for $name $(<$($parameter),+>)? {}

        impl $(<$($parameter: $bound + Send + 'static),+>)? std::fmt::Debug for $name $(<$($parameter),+>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.0).finish()
            }
        }

        impl $(<$($parameter: $bound + Send + 'static),+>)? serde::Serialize for $name $(<$($parameter),+>)? {
            fn serialize<Z: serde::Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                self.0.serialize(serializer)
            }
        }

        impl<'de $($(, $parameter: $bound + Send + 'static)+)?> serde::Deserialize<'de>
            for $name $(<$($parameter),+>)?
        {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(deserializer).map($name)
            }
        }
    };
}
use handle;

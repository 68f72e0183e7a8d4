//! Which sessions there are, and how many there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firekeep_api::SystemRng;
use firekeep_model::Rng as _;
use firekeep_webchannel::limits::OUTBOX_BYTES_ROOM;
use tokio::sync::watch;

use super::live::Live;
use super::rpc::Rpc;
use crate::limits::{
    OUTSTANDING_BYTES_MAX, ROOM_BYTES_SMALL, SESSIONS_MAX, SESSIONS_PER_NETWORK_MAX,
};
use crate::{Code, Refusal};

/// The bytes of a session's name. It is all that a client shows of who it is after the handshake, so nobody may guess
/// it: the specification, section 2.3, asks for 16.
const NAME_BYTES: usize = 24;

/// All sessions, by name.
pub(super) struct Registry {
    table: Mutex<Table>,
    /// How many bytes all clients have not acknowledged.
    outstanding: Arc<AtomicUsize>,
    /// How many sessions there are, for who waits for none.
    count: watch::Sender<usize>,
}

#[derive(Default)]
struct Table {
    sessions: HashMap<String, Arc<Live>>,
    networks: HashMap<Option<IpAddr>, usize>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            table: Mutex::default(),
            outstanding: Arc::default(),
            count: watch::Sender::new(0),
        }
    }
}

impl Registry {
    /// A new session, if there is room for one more, and its seat.
    pub(super) fn register(
        self: &Arc<Self>,
        network: Option<IpAddr>,
        rpc: Rpc,
    ) -> Result<(Arc<Live>, Seat), Refusal> {
        let mut table = self.table();
        if table.sessions.len() >= SESSIONS_MAX {
            return Err(Refusal::new(
                Code::Unavailable,
                format!("This server has {SESSIONS_MAX} sessions, and takes no more."),
            ));
        }
        let of_network = table.networks.entry(network).or_default();
        if *of_network >= SESSIONS_PER_NETWORK_MAX {
            return Err(Refusal::new(
                Code::ResourceExhausted,
                format!("Your address has {SESSIONS_PER_NETWORK_MAX} sessions, and gets no more."),
            ));
        }
        *of_network += 1;
        let name = random();
        let outstanding = Outstanding::new(Arc::clone(&self.outstanding));
        let live = Arc::new(Live::new(rpc, name.clone(), outstanding));
        table.sessions.insert(name.clone(), Arc::clone(&live));
        self.count.send_replace(table.sessions.len());
        drop(table);
        let registry = Arc::clone(self);
        Ok((
            live,
            Seat {
                registry,
                name,
                network,
            },
        ))
    }

    /// The session of a name.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Live>> {
        self.table().sessions.get(name).cloned()
    }

    pub(super) fn len(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until there are none.
    pub(super) async fn ended(&self) {
        // INVARIANT: the sender is this registry's.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place in the registry; free again when this is dropped.
pub(super) struct Seat {
    registry: Arc<Registry>,
    name: String,
    network: Option<IpAddr>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut table = self.registry.table();
        table.sessions.remove(&self.name);
        if let Some(count) = table.networks.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                table.networks.remove(&self.network);
            }
        }
        self.registry.count.send_replace(table.sessions.len());
    }
}

/// One session's part of what all clients have not acknowledged.
pub(super) struct Outstanding {
    all: Arc<AtomicUsize>,
    part: usize,
}

impl Outstanding {
    const fn new(all: Arc<AtomicUsize>) -> Self {
        Self { all, part: 0 }
    }

    pub(super) fn set(&mut self, bytes: usize) {
        self.all.fetch_add(bytes, Ordering::Relaxed);
        self.all.fetch_sub(self.part, Ordering::Relaxed);
        self.part = bytes;
    }

    /// How much a session may have unacknowledged: less, when all together have much.
    pub(super) fn room(&self) -> usize {
        match self.all.load(Ordering::Relaxed) > OUTSTANDING_BYTES_MAX {
            true => ROOM_BYTES_SMALL,
            false => OUTBOX_BYTES_ROOM,
        }
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Text that nobody can guess.
pub(super) fn random() -> String {
    let mut bytes = [0; NAME_BYTES];
    SystemRng.fill(&mut bytes);
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    #[tokio::test]
    async fn a_network_has_so_many_sessions_and_no_more() {
        let registry = Arc::new(Registry::default());
        let register = |network| {
            registry
                .register(network, Rpc::Listen)
                .map(|(_, seat)| seat)
        };
        let mut seats: Vec<_> = (0..SESSIONS_PER_NETWORK_MAX)
            .map(|_| register(HERE).unwrap())
            .collect();
        assert_eq!(
            register(HERE).map(drop).unwrap_err().code,
            Code::ResourceExhausted
        );
        let elsewhere = register(None).unwrap();
        seats.pop();
        seats.push(register(HERE).unwrap());
        assert_eq!(registry.len(), SESSIONS_PER_NETWORK_MAX + 1);
        drop((seats, elsewhere));
        registry.ended().await;
        assert!(registry.table().networks.is_empty());
    }

    #[test]
    fn names_are_long_and_never_the_same() {
        let names: std::collections::HashSet<_> = (0..1000).map(|_| random()).collect();
        assert_eq!(names.len(), 1000);
        assert!(names.iter().all(|name| name.len() == 2 * NAME_BYTES));
    }

    #[test]
    fn all_together_may_have_so_much_unacknowledged() {
        let all = Arc::new(AtomicUsize::new(0));
        let mut one = Outstanding::new(Arc::clone(&all));
        let mut other = Outstanding::new(Arc::clone(&all));
        one.set(OUTSTANDING_BYTES_MAX);
        assert_eq!(other.room(), OUTBOX_BYTES_ROOM);
        other.set(1);
        assert_eq!(one.room(), ROOM_BYTES_SMALL);
        drop(other);
        assert_eq!(one.room(), OUTBOX_BYTES_ROOM);
        one.set(0);
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }
}

//! Queues at hot keys. A transaction that lost one takes its turn there, and holds it until it committed; newcomers
//! that write the key wait behind it. So everybody gets through, where retrying at will would starve some.
//!
//! Only a help: correctness rests on the check at commit. Keys share a fixed number of gates by their hash.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::write_tx::Place;

/// How many gates there are.
const GATES: u64 = 256;

/// All gates.
pub(crate) struct Gates {
    gates: Vec<Gate>,
    /// How many have a turn or wait for one, at any gate: mostly nobody does.
    busy: AtomicUsize,
}

#[derive(Default)]
struct Gate {
    tickets: Mutex<Tickets>,
    turned: Condvar,
}

#[derive(Default)]
struct Tickets {
    next: u64,
    serving: u64,
}

/// A turn at a gate, until dropped.
pub(crate) struct Turn<'a> {
    gate: &'a Gate,
    busy: &'a AtomicUsize,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            gates: (0..GATES).map(|_| Gate::default()).collect(),
            busy: AtomicUsize::new(0),
        }
    }
}

impl Gates {
    /// Waits for the turn at a key. INVARIANT: the caller holds no other turn, so nobody waits in a circle.
    pub(crate) fn enter(&self, place: &Place) -> Option<Turn<'_>> {
        let gate = self.gate(place)?;
        self.busy.fetch_add(1, Ordering::Relaxed);
        let mut tickets = gate.lock();
        let ticket = tickets.next;
        tickets.next += 1;
        let waiting = |tickets: &mut Tickets| tickets.serving != ticket;
        drop(
            gate.turned
                .wait_while(tickets, waiting)
                .unwrap_or_else(PoisonError::into_inner),
        );
        Some(Turn {
            gate,
            busy: &self.busy,
        })
    }

    /// True while somebody has the turn at a key or waits for it.
    pub(crate) fn is_busy(&self, place: &Place) -> bool {
        if self.busy.load(Ordering::Relaxed) == 0 {
            return false;
        }
        self.gate(place).is_some_and(|gate| {
            let tickets = gate.lock();
            tickets.next != tickets.serving
        })
    }

    fn gate(&self, place: &Place) -> Option<&Gate> {
        let mut hasher = DefaultHasher::new();
        place.hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % GATES).ok()?;
        self.gates.get(at)
    }
}

impl Turn<'_> {
    /// True when this is the turn at that key.
    pub(crate) fn is_at(&self, gates: &Gates, place: &Place) -> bool {
        gates
            .gate(place)
            .is_some_and(|gate| std::ptr::eq(gate, self.gate))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.gate.lock().serving += 1;
        self.gate.turned.notify_all();
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

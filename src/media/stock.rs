//! What workers have made, kept for all who want the same; and what they are still to make.
//!
//! ```text
//!   want ──▶ Ready, or wanted ── order, one at a time ──▶ a worker ── take ──▶ Ready: whoever waits
//! ```
//!
//! One thing at a time is under way, since the workers have pictures of calls to convert, which do not
//! wait. What nobody uses any more goes when room is needed.

use crate::ids::PortId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Things that are kept; of these, the ones in use stay.
pub const STOCK_MAX: usize = 1024;

/// Something that is cheap to share.
pub trait SharedMedia {
    /// Whether anybody but the stock has it.
    fn is_used(&self) -> bool;
}

impl<T: ?Sized> SharedMedia for Arc<T> {
    fn is_used(&self) -> bool {
        Arc::strong_count(self) > 1
    }
}

/// What became of a wish.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Stocked<T> {
    /// Here it is.
    Ready(T),
    /// It is being made; whoever waits is told.
    Wanted,
    /// It cannot be made.
    Never,
}

/// Things by what they are.
#[derive(Debug)]
pub struct Stock<K, T> {
    /// None of what cannot be made.
    ready: BTreeMap<K, Option<T>>,
    waiting: BTreeMap<PortId, K>,
    /// Wanted before anybody waits.
    ahead: Vec<K>,
    under_way: Option<K>,
}

impl<K, T> Default for Stock<K, T> {
    fn default() -> Self {
        Self {
            ready: BTreeMap::new(),
            waiting: BTreeMap::new(),
            ahead: Vec::new(),
            under_way: None,
        }
    }
}

impl<K: Clone + Ord, T: Clone + SharedMedia> Stock<K, T> {
    /// How many are there, or known never to be.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.ready.len()
    }

    /// A thing for a port, which waits for it where it is not there; it waits for one thing at most.
    pub fn want(&mut self, port: PortId, key: K) -> Stocked<T> {
        match self.ready.get(&key) {
            Some(Some(thing)) => {
                self.waiting.remove(&port);
                Stocked::Ready(thing.clone())
            }
            Some(None) => Stocked::Never,
            None => {
                self.waiting.insert(port, key);
                Stocked::Wanted
            }
        }
    }

    /// The port waits no longer.
    pub fn leave(&mut self, port: PortId) {
        self.waiting.remove(&port);
    }

    /// A thing that will be wanted.
    pub fn foresee(&mut self, key: K) {
        self.ahead.push(key);
    }

    /// A thing, made on the spot where it is not there.
    pub fn get_or_make(&mut self, key: K, make: impl FnOnce() -> Option<T>) -> Option<T> {
        self.ready.entry(key).or_insert_with(make).clone()
    }

    /// What a worker is to make next; none while one is at it.
    pub fn order(&mut self) -> Option<K> {
        if self.under_way.is_some() || self.waiting.is_empty() && self.ahead.is_empty() {
            return None;
        }
        let missing = |key: &&K| !self.ready.contains_key(*key);
        let key = self.waiting.values().find(missing).or(self.ahead.iter().find(missing)).cloned();
        if key.is_none() {
            self.ahead.clear();
        }
        self.under_way.clone_from(&key);
        key
    }

    /// Takes what a worker has made, and names the ports that waited for it.
    pub fn take(&mut self, key: K, thing: Option<T>) -> Vec<PortId> {
        self.under_way = None;
        if self.ready.len() >= STOCK_MAX {
            self.ready.retain(|_, thing| thing.as_ref().is_none_or(SharedMedia::is_used));
        }
        let ports: Vec<PortId> = self
            .waiting
            .iter()
            .filter(|(_, wanted)| **wanted == key)
            .map(|(port, _)| *port)
            .collect();
        for port in &ports {
            self.waiting.remove(port);
        }
        self.ahead.retain(|wanted| *wanted != key);
        // All of it is in use: whoever waited keeps what it has.
        if self.ready.len() >= STOCK_MAX {
            return Vec::new();
        }
        self.ready.insert(key, thing);
        ports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PortId = PortId(2);
    const B: PortId = PortId(4);

    #[test]
    fn what_two_want_is_made_once() {
        let mut stock: Stock<u32, Arc<str>> = Stock::default();
        assert_eq!((stock.want(A, 7), stock.want(B, 7)), (Stocked::Wanted, Stocked::Wanted));
        assert_eq!((stock.order(), stock.order()), (Some(7), None), "one at a time");
        assert_eq!(stock.take(7, Some("seven".into())), [A, B]);
        assert_eq!(stock.want(A, 7), Stocked::Ready("seven".into()));
        assert_eq!(stock.order(), None);
    }

    #[test]
    fn nobody_gets_what_it_wanted_before() {
        let mut stock: Stock<u32, Arc<str>> = Stock::default();
        stock.want(A, 1);
        assert_eq!(stock.order(), Some(1));
        stock.want(A, 2);
        stock.want(B, 1);
        stock.leave(B);
        assert_eq!(stock.take(1, Some("one".into())), []);
        assert_eq!(stock.order(), Some(2));
    }

    #[test]
    fn what_cannot_be_made_is_not_tried_again() {
        let mut stock: Stock<u32, Arc<str>> = Stock::default();
        stock.foresee(9);
        assert_eq!(stock.order(), Some(9));
        assert_eq!(stock.take(9, None), []);
        assert_eq!((stock.want(A, 9), stock.order()), (Stocked::Never, None));
    }

    #[test]
    fn what_nobody_uses_goes_and_what_is_used_stays() {
        let mut stock: Stock<usize, Arc<str>> = Stock::default();
        let mut used = Vec::new();
        for key in 0..10 * STOCK_MAX {
            stock.want(A, key);
            assert_eq!(stock.order(), Some(key));
            stock.take(key, Some("thing".into()));
            if key < 10 {
                let Stocked::Ready(thing) = stock.want(B, key) else { panic!("{key}") };
                used.push(thing);
            }
        }
        assert!(stock.ready.len() <= STOCK_MAX);
        assert!((0..10).all(|key| matches!(stock.want(B, key), Stocked::Ready(_))));
    }

    #[test]
    fn a_stock_full_of_what_is_used_takes_no_more_and_asks_no_more() {
        let mut stock: Stock<usize, Arc<str>> = Stock::default();
        let thing: Arc<str> = "used".into();
        for key in 0..STOCK_MAX {
            stock.take(key, Some(Arc::clone(&thing)));
        }
        assert_eq!(stock.want(A, STOCK_MAX), Stocked::Wanted);
        assert_eq!(stock.order(), Some(STOCK_MAX));
        assert_eq!(stock.take(STOCK_MAX, Some("more".into())), []);
        assert_eq!(stock.order(), None);
    }
}

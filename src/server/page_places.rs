//! How many connections browsers may have for pages: some each, and not all together.

use crate::sip::network;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many may be open at once.
pub const PAGE_CONNECTIONS_MAX: usize = 512;

/// The places.
#[derive(Debug)]
pub(super) struct PagePlaces {
    per_source: usize,
    taken: Mutex<BTreeMap<IpAddr, usize>>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct PagePlace {
    all: Arc<PagePlaces>,
    source: IpAddr,
}

impl PagePlaces {
    /// So many for each source.
    pub fn new(per_source: usize) -> Self {
        Self { per_source, taken: Mutex::default() }
    }

    /// One for somebody at `ip`, if there is one.
    pub fn place(self: &Arc<Self>, ip: IpAddr) -> Option<PagePlace> {
        let source = network(ip);
        let mut taken = self.taken();
        let there = taken.get(&source).copied().unwrap_or_default();
        if there >= self.per_source || taken.values().sum::<usize>() >= PAGE_CONNECTIONS_MAX {
            return None;
        }
        taken.insert(source, there + 1);
        Some(PagePlace { all: Arc::clone(self), source })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        // Counters are whole whoever has let go of them.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PagePlace {
    fn drop(&mut self) {
        let mut taken = self.all.taken();
        if let Some(there) = taken.get_mut(&self.source) {
            *there -= 1;
            if *there == 0 {
                taken.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_its_places_and_all_together_have_an_end() {
        let places = Arc::new(PagePlaces::new(3));
        let ip = |n: u32| IpAddr::from(std::net::Ipv4Addr::from(n));
        let mut taken: Vec<_> = (0..3).map(|_| places.place(ip(1)).unwrap()).collect();
        assert!(places.place(ip(1)).is_none());
        taken.push(places.place(ip(2)).unwrap());
        drop(taken.remove(0));
        taken.push(places.place(ip(1)).unwrap());
        taken.extend((3..).map_while(|n| places.place(ip(n))));
        assert_eq!(taken.len(), PAGE_CONNECTIONS_MAX);
        drop(taken);
        assert!(places.taken().is_empty());
    }
}

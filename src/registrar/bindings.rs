//! The bindings of numbers to contacts: who is reachable where, and until when.

use super::binding::{Binding, BindingChange};
use super::target::{ContactTarget, address_of};
use crate::ids::{ConnectionId, Number};
use crate::sip::{Destination, Flow, Transport, Uri};
use crate::time::{Instant, Now};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// The most contacts of one terminal.
pub const CONTACTS_MAX: usize = 10;

/// The most machines at which one terminal can be registered at a time; the least lately used gives
/// way.
pub const HOSTS_MAX: usize = 5;

/// One binding that a REGISTER has changed, to be as it was.
#[derive(Clone, Debug)]
pub(super) struct TakenBack {
    /// Its [`key`](Binding::key).
    pub key: String,
    /// As it was.
    pub before: Option<Binding>,
    /// What the REGISTER made of it.
    pub made: Option<Binding>,
}

/// A request for a change that came out of order (RFC 3261 §10.3, step 7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct OutOfOrder;

/// What one REGISTER says of one contact.
#[derive(Clone, Debug)]
pub(super) enum ContactChange {
    /// It is there until `expires`.
    Put(Binding),
    /// It is gone.
    Drop(Binding),
}

#[derive(Clone, Debug)]
struct Held {
    binding: Binding,
    until: Instant,
    /// Rises by one per write, so that timers and connections name exactly one state.
    serial: u64,
}

/// All bindings.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    by_number: BTreeMap<Number, Vec<Held>>,
    by_end: BTreeMap<(Instant, u64), Number>,
    by_connection: BTreeMap<(ConnectionId, u64), Number>,
    serial: u64,
}

impl Bindings {
    /// Takes over what the journal held and returns what it has to forget; `open` are the connections that are there.
    pub fn restore(
        &mut self,
        now: Now,
        stored: Vec<Binding>,
        open: &[Flow],
        is_believed: impl Fn(&Binding) -> bool,
    ) -> Vec<BindingChange> {
        let mut changes = Vec::new();
        for mut binding in stored {
            let believed = is_believed(&binding);
            // The connections of the last process are closed, but for those that stayed open.
            let is_closed = |flow: &mut Flow| flow.transport.is_reliable() && !open.contains(flow);
            let closed = binding.flow.take_if(is_closed);
            let reachable = match closed {
                Some(flow) => !binding.path.is_empty() || binding.is_reached_without(flow),
                None => true,
            };
            if believed && reachable && binding.expires > now.unix {
                self.hold(now, binding);
            } else {
                changes.push(forgotten(&binding));
            }
        }
        changes
    }

    /// Carries out all wishes of one REGISTER, or none of them.
    pub fn update(
        &mut self,
        now: Now,
        number: &Number,
        wishes: Vec<ContactChange>,
    ) -> Result<Vec<BindingChange>, OutOfOrder> {
        let mut bindings: Vec<Binding> = self.of(number).cloned().collect();
        let mut changes = Vec::new();
        for wish in wishes {
            let (ContactChange::Put(new) | ContactChange::Drop(new)) = &wish;
            let place = bindings.iter().position(|old| old.same(new));
            let replaced = place.map(|place| bindings.remove(place));
            if let Some(old) = &replaced
                && old.call_id == new.call_id
                && old.cseq >= new.cseq
            {
                return Err(OutOfOrder);
            }
            match wish {
                ContactChange::Put(mut new) => {
                    if let Some(old) = &replaced {
                        new.since = old.since;
                    }
                    changes.extend(
                        replaced.filter(|old| old.key() != new.key()).as_ref().map(forgotten),
                    );
                    changes.push(BindingChange::Put(Box::new(new.clone())));
                    bindings.push(new);
                }
                ContactChange::Drop(_) => changes.extend(replaced.as_ref().map(forgotten)),
            }
        }
        // A phone that takes a new port at each start leaves contacts behind; the least lately
        // registered gives way.
        while bindings.len() > CONTACTS_MAX || hosts(&bindings) > HOSTS_MAX {
            changes.push(forgotten(&bindings.remove(0)));
        }
        for change in &changes {
            match change {
                BindingChange::Put(binding) => {
                    self.release(number, &binding.key());
                    self.hold(now, Binding::clone(binding));
                }
                BindingChange::Drop { number, key } => self.release(number, key),
            }
        }
        Ok(changes)
    }

    /// Takes back what one REGISTER has changed, where nothing else has changed it since, and returns
    /// what the journal has to hold now.
    pub fn take_back(
        &mut self,
        now: Now,
        number: &Number,
        rows: Vec<TakenBack>,
    ) -> Vec<BindingChange> {
        let mut changes = Vec::new();
        for TakenBack { key, before, made } in rows {
            let current = self.of(number).find(|binding| binding.key() == key).cloned();
            let is_as_made = current == made;
            if is_as_made {
                self.release(number, &key);
                if let Some(before) = before.filter(|before| before.expires > now.unix) {
                    self.hold(now, before);
                }
            }
            let current = self.of(number).find(|binding| binding.key() == key).cloned();
            changes.push(match current {
                Some(binding) => BindingChange::Put(Box::new(binding)),
                None => BindingChange::Drop { number: number.clone(), key },
            });
        }
        changes
    }

    /// Forgets all bindings of a number because its phone says so, unless one is younger than the
    /// request (RFC 3261 §10.3, step 6).
    pub fn clear_in_order(
        &mut self,
        number: &Number,
        call_id: &str,
        cseq: u32,
    ) -> Result<Vec<BindingChange>, OutOfOrder> {
        if self.of(number).any(|old| old.call_id == call_id && old.cseq >= cseq) {
            return Err(OutOfOrder);
        }
        Ok(self.clear(number))
    }

    /// Forgets all bindings of a number.
    pub fn clear(&mut self, number: &Number) -> Vec<BindingChange> {
        let gone: Vec<_> = self.of(number).map(|binding| binding.key()).collect();
        let forget = |key: String| {
            self.release(number, &key);
            BindingChange::Drop { number: number.clone(), key }
        };
        gone.into_iter().map(forget).collect()
    }

    /// A connection has been closed: what was only reachable over it is gone (RFC 5626 §5.3), the
    /// rest is called at its own address. Returns the numbers concerned, too.
    pub fn close(&mut self, connection: ConnectionId) -> Vec<(Number, BindingChange)> {
        let over = (connection, 0)..=(connection, u64::MAX);
        let concerned: Vec<_> =
            self.by_connection.range(over).map(|((_, serial), n)| (*serial, n.clone())).collect();
        let mut changes = Vec::new();
        for (serial, number) in concerned {
            let Some(held) = self.take(&number, serial) else { continue };
            let mut binding = held.binding;
            let flow = binding.flow.take();
            if flow.is_some_and(|flow| binding.is_reached_without(flow)) {
                changes.push((number.clone(), BindingChange::Put(Box::new(binding.clone()))));
                self.insert(held.until, binding);
            } else {
                changes.push((number, forgotten(&binding)));
            }
        }
        changes
    }

    /// Forgets what has expired and returns the numbers concerned.
    pub fn expire(&mut self, now: Instant) -> Vec<(Number, BindingChange)> {
        let mut changes = Vec::new();
        while let Some((&(until, serial), number)) = self.by_end.first_key_value()
            && until <= now
        {
            let number = number.clone();
            let held = self.take(&number, serial).expect("a timer names a binding that is held");
            changes.push((number, forgotten(&held.binding)));
        }
        changes
    }

    /// When the next binding expires.
    pub fn next_end(&self) -> Option<Instant> {
        self.by_end.first_key_value().map(|((until, _), _)| *until)
    }

    /// The bindings of a number, the least lately registered first.
    pub fn of(&self, number: &Number) -> impl DoubleEndedIterator<Item = &Binding> {
        self.by_number.get(number).into_iter().flatten().map(|held| &held.binding)
    }

    /// Whether a phone of this number registered by this flow, and still is. Behind an edge proxy
    /// (RFC 3327) the flow is the proxy's, which speaks for all.
    pub fn has_flow(&self, number: &Number, flow: &Flow) -> bool {
        let flows = self.of(number).filter(|binding| binding.path.is_empty());
        flows.filter_map(|binding| binding.flow).any(|known| known.is_from_peer_of(flow))
    }

    /// The instance of the phone of this number at the other end of a way, or with this contact.
    pub fn instance_at(&self, number: &Number, to: Destination, contact: &Uri) -> Option<String> {
        let there = |binding: &&Binding| {
            binding.flow.is_some_and(|flow| to.is_source_of(&flow))
                || binding.contact.uri.equivalent(contact)
        };
        self.of(number).rev().find(there)?.instance().map(str::to_owned)
    }

    /// The latest flow of the phone of this instance, or of one at this address. Behind an edge proxy
    /// (RFC 3327) the flow is the proxy's, which needs a route.
    pub fn latest_flow(&self, number: &Number, instance: Option<&str>, ip: IpAddr) -> Option<Flow> {
        let direct = self.of(number).rev().filter(|binding| binding.path.is_empty());
        let mut flows = direct.filter_map(|binding| Some((binding.instance(), binding.flow?)));
        let is_it = |(of, flow): &(Option<&str>, Flow)| match instance {
            Some(_) => *of == instance,
            None => flow.remote.ip().to_canonical() == ip.to_canonical(),
        };
        flows.find(is_it).map(|(_, flow)| flow)
    }

    /// The address of the Contact of the phone of this instance, or of one at this address, whose connection
    /// is closed. It is the host that the phone had registered from.
    pub fn latest_address(
        &self,
        number: &Number,
        instance: Option<&str>,
        ip: IpAddr,
    ) -> Option<(Transport, SocketAddr)> {
        let cut_off = |binding: &&Binding| binding.path.is_empty() && binding.flow.is_none();
        let mut known =
            self.of(number).rev().filter(cut_off).filter_map(|binding| {
                Some((binding.instance(), address_of(&binding.contact.uri)?))
            });
        let is_it = |(of, (_, remote)): &(Option<&str>, (Transport, SocketAddr))| match instance {
            Some(_) => *of == instance,
            None => remote.ip().to_canonical() == ip.to_canonical(),
        };
        known.find(is_it).map(|(_, address)| address)
    }

    /// All bindings, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Binding> {
        self.by_number.values().flatten().map(|held| &held.binding)
    }

    /// Whether a number has a binding.
    pub fn contains(&self, number: &Number) -> bool {
        self.by_number.contains_key(number)
    }

    /// The connections over which something is registered.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        self.by_connection.keys().map(|(connection, _)| *connection)
    }

    /// Whether something is registered over a connection.
    pub fn is_over(&self, connection: ConnectionId) -> bool {
        self.by_connection.range((connection, 0)..=(connection, u64::MAX)).next().is_some()
    }

    /// Where to call a number, the most preferred first; of the flows of one phone only the latest
    /// (RFC 5626 §6: never two at once).
    pub fn targets(&self, number: &Number) -> Vec<ContactTarget> {
        let mut instances = Vec::new();
        let mut targets = Vec::new();
        for binding in self.of(number).rev() {
            if let Some((instance, _)) = binding.outbound() {
                if instances.contains(&instance) {
                    continue;
                }
                instances.push(instance);
            }
            targets.push(binding.target());
        }
        targets.sort_by_key(|target| std::cmp::Reverse(target.q));
        targets
    }

    fn hold(&mut self, now: Now, binding: Binding) {
        let until = now.instant + binding.expires.since(now.unix);
        self.insert(until, binding);
    }

    fn insert(&mut self, until: Instant, binding: Binding) {
        self.serial += 1;
        let (serial, number) = (self.serial, binding.number.clone());
        self.by_end.insert((until, serial), number.clone());
        if let Some(flow) = binding.flow.filter(|flow| flow.transport.is_reliable()) {
            self.by_connection.insert((flow.connection, serial), number.clone());
        }
        // Most terminals are at one machine, and a start has room for ten thousand to make.
        let held = self.by_number.entry(number).or_insert_with(|| Vec::with_capacity(1));
        held.push(Held { binding, until, serial });
    }

    fn take(&mut self, number: &Number, serial: u64) -> Option<Held> {
        let held = self.by_number.get_mut(number)?;
        let place = held.iter().position(|held| held.serial == serial)?;
        let taken = held.remove(place);
        if held.is_empty() {
            self.by_number.remove(number);
        }
        self.by_end.remove(&(taken.until, serial));
        if let Some(flow) = taken.binding.flow {
            self.by_connection.remove(&(flow.connection, serial));
        }
        Some(taken)
    }

    fn release(&mut self, number: &Number, key: &str) {
        let mut held = self.by_number.get(number).into_iter().flatten();
        if let Some(serial) = held.find(|h| h.binding.key() == key).map(|h| h.serial) {
            self.take(number, serial);
        }
    }
}

/// At how many machines the bindings are.
fn hosts(bindings: &[Binding]) -> usize {
    bindings.iter().map(Binding::host).collect::<BTreeSet<_>>().len()
}

fn forgotten(binding: &Binding) -> BindingChange {
    BindingChange::Drop { number: binding.number.clone(), key: binding.key() }
}

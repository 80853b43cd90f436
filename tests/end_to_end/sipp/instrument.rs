//! SIPp and its runner, proved without the switchboard: one SIPp calls the other.

use super::{Role, Sipp, Who, assert_ladder};
use crate::place::Place;

#[test]
fn one_sipp_calls_another_and_the_ladder_is_read_back() {
    let place = Place::new();
    let (from, to) = (place.next_address(), place.next_address());
    let role = |scenario| Role {
        scenario,
        who: Who::Guest("guest"),
        number: "3002",
        extra: "",
        tcp: false,
    };
    let mut phone = Sipp::start(&place, to, from, &role("phone-answers"));
    let mut caller = Sipp::start(&place, from, to, &role("gateway-calls"));
    caller.awaits("-> ACK");
    caller.nudge();
    let ladder = caller.ends_well();
    assert_ladder(
        &ladder,
        "
        -> INVITE
        <- 180
        <- 200
        -> ACK
        <- MESSAGE      # from the test
        -> BYE
        <- 200",
    );
    phone.ends_well();
}

#[test]
#[should_panic(expected = "did not go as written")]
fn a_scenario_that_goes_otherwise_is_noticed() {
    let place = Place::new();
    let (from, to) = (place.next_address(), place.next_address());
    let role = |scenario| Role {
        scenario,
        who: Who::Guest("guest"),
        number: "3002",
        extra: "",
        tcp: false,
    };
    let _phone = Sipp::start(&place, to, from, &role("phone-is-busy"));
    let mut caller = Sipp::start(&place, from, to, &role("gateway-calls"));
    caller.ends_well();
}

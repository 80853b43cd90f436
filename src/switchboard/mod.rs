//! Telephone logic.

pub mod call_record;
pub mod desk;

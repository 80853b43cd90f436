//! Telephone logic.

pub mod desk;

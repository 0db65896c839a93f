//! The inbox and its lanes.

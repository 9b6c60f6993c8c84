//! Every limit of transfers: a name, a unit, a reason.

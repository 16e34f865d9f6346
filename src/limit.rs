//! Every limit of the house, named, with unit, reason and what happens when it is hit.

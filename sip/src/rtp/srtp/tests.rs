//! Known answers, interplay of sealer and opener, and hostile input.

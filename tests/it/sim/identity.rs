//! Who somebody is, for TLS.

use std::{path::Path, sync::Arc};

use rundruf::tls::{Authorities, Identity};

/// A certificate for a name that vouches for itself, and who believes it.
pub fn identity(folder: &Path, name: &str) -> (Arc<Identity>, Authorities) {
    let [certificate, key] = ["pem", "key"].map(|end| folder.join(format!("{name}.{end}")));
    let identity = Identity::load_or_create(&certificate, &key, &[name.to_owned()]).unwrap();
    (Arc::new(identity), Authorities::read(&certificate).unwrap())
}

//! `rundruf trunk preset`: settings for exchanges and carriers to begin with, as `deploy/presets` has them.

use clap::ValueEnum;

/// An exchange or a carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// A FRITZ!Box, as an IP telephone of it.
    Fritzbox,
    /// Telekom CompanyFlex.
    TelekomCompanyflex,
    /// Telekom CloudPBX.
    TelekomCloudpbx,
    /// sipgate trunking.
    Sipgate,
    /// Asterisk.
    Asterisk,
    /// FreeSWITCH.
    Freeswitch,
    /// Kamailio or OpenSIPS.
    Kamailio,
    /// 3CX.
    #[value(name = "3cx")]
    ThreeCx,
}

impl Preset {
    /// Returns the settings, a trunk with comments.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Fritzbox => include_str!("../../deploy/presets/fritzbox.toml"),
            Self::TelekomCompanyflex => {
                include_str!("../../deploy/presets/telekom-companyflex.toml")
            }
            Self::TelekomCloudpbx => include_str!("../../deploy/presets/telekom-cloudpbx.toml"),
            Self::Sipgate => include_str!("../../deploy/presets/sipgate.toml"),
            Self::Asterisk => include_str!("../../deploy/presets/asterisk.toml"),
            Self::Freeswitch => include_str!("../../deploy/presets/freeswitch.toml"),
            Self::Kamailio => include_str!("../../deploy/presets/kamailio.toml"),
            Self::ThreeCx => include_str!("../../deploy/presets/3cx.toml"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, Encryption};

    #[test]
    fn every_preset_can_be_used_and_is_encrypted_wherever_the_other_side_can() {
        for preset in Preset::value_variants() {
            let config = Config::parse(preset.text(), Path::new("preset.toml")).unwrap();
            let [trunk] = &config.trunk[..] else {
                panic!("{preset:?}: one trunk")
            };
            let plain = *preset == Preset::Fritzbox;
            assert_eq!(trunk.encryption == Encryption::Off, plain, "{preset:?}");
            let value = preset.to_possible_value().unwrap();
            let file = format!(
                "{}/deploy/presets/{}.toml",
                env!("CARGO_MANIFEST_DIR"),
                value.get_name()
            );
            assert!(Path::new(&file).exists(), "{file}");
        }
    }
}

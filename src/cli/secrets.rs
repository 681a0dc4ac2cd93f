//! `secrets`: makes and rotates the keys that seal the secrets of managed Sources.

use anyhow::Context;

use super::Failure;
use super::text::say;
use crate::config::Config;
use crate::managed::FileStore;
use crate::managed::rotation::{self, Rotation};
use crate::secrets::KeyRing;
use crate::serve::control::{self, ControlAnswer, ControlError, ControlRequest};

/// Make and rotate the keys that seal the secrets of managed Sources
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print a new key file, for a systemd credential or secrets.key_file
    NewKey,
    /// Make a new key, seal every secret with it, and drop the old key
    ///
    /// An interrupted rotation continues with the next call. If the keys are in a systemd credential, put the new
    /// key into it first: the last key seals.
    Rotate,
}

/// Runs the command.
pub(super) async fn run(command: &Command, config: &Config) -> Result<(), Failure> {
    match command {
        Command::NewKey => new_key()?,
        Command::Rotate => {
            let Rotation {
                key_id,
                resealed,
                place,
            } = rotate(config).await?;
            say!("sealed {resealed} secrets with the key {key_id} in {place}");
        }
    }
    Ok(())
}

/// Prints a new key file. Needs no configuration.
pub(super) fn new_key() -> Result<(), Failure> {
    let ring = KeyRing::generate().context("failed to make a key")?;
    say!("{}", ring.to_text().trim_end());
    Ok(())
}

/// Rotates the key: through the daemon if one runs, else on the stored files.
async fn rotate(config: &Config) -> anyhow::Result<Rotation> {
    let socket = &config.serve.control_socket;
    let mut answers = match control::send_request(socket, &ControlRequest::RotateKey).await {
        Ok(answers) => answers,
        Err(ControlError::NoDaemon { .. }) => {
            let store = FileStore::new(config.managed_folder());
            let rotation = rotation::reseal(&store, &config.keys)?;
            rotation::drop_old_keys(&store, &config.keys)?;
            return Ok(rotation);
        }
        Err(error) => return Err(error.into()),
    };
    while let Some(answer) = answers.next().await? {
        if let ControlAnswer::KeyRotated(rotation) = answer {
            return Ok(rotation);
        }
    }
    anyhow::bail!("the daemon closed the connection before it answered; run the command again")
}

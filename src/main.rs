//! The composition root: reads the command line and the settings, then serves, keeps rooms or looks after trunks and calls.
#![forbid(unsafe_code)]

use std::{io, process::ExitCode};

use rundruf::{
    cli::{self, Arguments, Books, Command, usage},
    clock::{Clock, System},
    conference::event::Language,
    config::Config,
    serve::{self, Orders, serve},
    start::{self, Obstacle},
};

fn main() -> ExitCode {
    let language = start::language(|name| std::env::var(name).ok());
    let arguments = match usage::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => return usage::end(&error, language),
    };
    match run(arguments, language) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match obstacle(&error) {
            Some(obstacle) => {
                start::complain(&obstacle.told(language));
                obstacle.exit_code()
            }
            None => {
                start::complain(&format!("rundruf: {error:#}"));
                ExitCode::FAILURE
            }
        },
    }
}

fn run(arguments: Arguments, language: Language) -> anyhow::Result<()> {
    let config = match &arguments.config {
        Some(file) => Config::read(file).map_err(Obstacle::from)?,
        None => Config::default(),
    };
    start::log(config.log.level);
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut out = io::stdout().lock();
    runtime.block_on(async {
        match arguments.command {
            Command::Serve(how) => {
                let orders = Orders {
                    config: &config,
                    file: arguments.config.as_deref(),
                    demo: how.demo,
                    language,
                };
                serve(&orders, &mut out).await?;
            }
            Command::Room(what) => {
                let mut rng = rand::rng();
                let books = Books::open(&config, &mut rng).await?;
                let at = System.since_epoch();
                let done = books.run(what, language, &mut rng, at, &mut out).await;
                books.close().await;
                done?;
            }
            Command::Invite(what) => {
                let mut rng = rand::rng();
                let books = Books::open(&config, &mut rng).await?;
                let at = System.since_epoch();
                let done = books.invite(what, language, &mut rng, at, &mut out);
                let done = done.await;
                books.close().await;
                done?;
            }
            Command::Calls(what) => {
                let books = Books::open(&config, &mut rand::rng()).await?;
                let at = System.since_epoch();
                let done = books.calls(what, language, at, &mut out).await;
                books.close().await;
                done?;
            }
            Command::Trunk(what) => {
                let now = System.since_epoch();
                cli::trunk::run(&what, &config, language, now, &mut out)?;
            }
        }
        Ok(())
    })
}

/// Finds what the operator can remove, wherever it came up.
fn obstacle(error: &anyhow::Error) -> Option<&Obstacle> {
    if let Some(serve::Error::Obstacle(obstacle)) = error.downcast_ref() {
        return Some(obstacle);
    }
    if let Some(cli::Error::Obstacle(obstacle)) = error.downcast_ref() {
        return Some(obstacle);
    }
    error.downcast_ref()
}

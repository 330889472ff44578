//! The command line: one thin file a subcommand, and `exit` for what their failures become.

mod approve;
mod audit;
mod boot;
mod describe;
mod doctor;
#[cfg(test)]
mod documented;
mod enroll;
mod exit;
mod facts;
mod fleet;
mod gate;
mod hook;
mod image;
mod inputs;
mod lambda;
mod overrides;
mod policy;
mod publish;
mod receipt_key;
mod receipts;
mod release;
mod reseal;
mod revoke;
mod sbom;
mod seal;
mod session;
mod sign;
mod signer;
mod statements;
mod target;
mod trace;
mod verify;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum as _};
use futures::FutureExt as _;

use self::{
    exit::{Code, Failure},
    session::Session,
};
use crate::{
    render::{self, Format, Printed},
    settings::{Fragment, Settings},
    telemetry,
};

const AFTER: &str = "Exit codes: 0 admit or done, 1 reject, 2 usage or settings, 3 undetermined, 70 internal error.";

/// Only machine images that their own pipeline sealed may launch, boot or keep running on AWS.
#[derive(Debug, Parser)]
#[command(name = "goldseal", version, after_help = AFTER, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
    #[command(flatten)]
    settings: Fragment,
}

#[derive(Debug, clap::Args)]
struct Global {
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Format::Human, global = true)]
    output: Format,
    /// The settings file [default: /etc/goldseal/goldseal.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "GOLDSEAL_CONFIG", global = true, help_heading = "Settings")]
    config: Option<PathBuf>,
    /// The AWS profile [default: the environment's]
    #[arg(long, value_name = "NAME", global = true, help_heading = "Settings")]
    profile: Option<String>,
    /// Log what the libraries underneath do, to standard error; more with -vv and -vvv
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the descriptor of an image, and the digest of what is on it
    Describe(describe::Describe),
    /// Say whether an image may be sealed, from its SBOM, a scan and the accepted exceptions
    Gate(gate::Gate),
    /// Show what a gate accepted to a person, and sign their approval
    Approve(approve::Approve),
    /// Sign an image's statements, store them, and tag the image
    Sign(sign::Sign),
    /// Gate, check the approval, sign and publish: everything after a Packer build
    Seal(seal::Seal),
    /// Say whether images are admitted, with every reason
    Verify(verify::Verify),
    /// Let pass, as two people and for a while, what would be stopped
    #[command(subcommand)]
    Override(overrides::Override),
    /// Share images that are admitted, and let parameters name them
    Publish(publish::Publish),
    /// Move images to a new key, once the old one admits them
    Reseal(reseal::Reseal),
    /// Withdraw images, keys, builders and evidence, by a signed list in the store
    #[command(subcommand)]
    Revoke(Box<revoke::Revoke>),
    /// Guard launches of Auto Scaling groups: images that are not admitted never go into service
    Hook(Box<hook::Hook>),
    /// Let the launches of an Auto Scaling group wait for the launch hook: shown, or done with --apply
    Enroll(Box<enroll::Enroll>),
    /// Guard the boot of this instance: of an image that is not admitted, nothing starts
    Boot(boot::Boot),
    /// Look at everything that the launch hook stands on, and say what to type
    Doctor(Box<doctor::Doctor>),
    /// Look at everything that runs, in every account and region, and say what should not
    Audit(Box<audit::Audit>),
    /// Tell the story of an instance or image: built by whom, of what, approved by whom, and what still holds
    Trace(Box<trace::Trace>),
    /// Ask the SBOMs of images which instances have a package
    #[command(subcommand)]
    Sbom(sbom::Sbom),
    /// Say what receipts of earlier decisions prove, show and list them, and write those that are missing
    #[command(subcommand)]
    Receipts(receipts::Receipts),
    /// The launch hook as a Lambda function
    Lambda(Box<lambda::Lambda>),
    /// Check a policy document, say what it would change, or print its schema
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Write a shell's completions to standard output
    #[command(after_help = "Example:\n  goldseal completions bash > /etc/bash_completion.d/goldseal")]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Seal the file with the checksums of a release of goldseal
    #[command(hide = true)]
    Release(release::Release),
    /// Write the manual pages of all commands into a folder, for packages
    #[command(hide = true, after_help = "Example:\n  goldseal manual /usr/share/man/man1")]
    Manual {
        /// The folder, which is there
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(arguments()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; what clap prints goes where it belongs.
            if !error.use_stderr() {
                return if error.print().is_ok() { Code::Good.into() } else { Code::Internal.into() };
            }
            let printed = match asked_for_json() {
                true => render::failure(Format::Json, &[error.to_string()], &[], Code::Usage as u8),
                false => error.print(),
            };
            return printed.map_or(Code::Internal, |()| Code::Usage).into();
        }
    };
    telemetry::start(cli.global.verbose);
    let format = cli.global.output;
    match run(cli) {
        Ok(code) => code.into(),
        Err(failure) => {
            let printed = render::failure(format, &failure.chain, &failure.hints, failure.code as u8);
            // When even the failure cannot be printed, its code still says it.
            printed.map_or(failure.code, |()| failure.code).into()
        }
    }
}

/// Lambda starts a program called `bootstrap`, without arguments.
fn arguments() -> Vec<std::ffi::OsString> {
    let mut arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let name = arguments.first().map(std::path::Path::new).and_then(std::path::Path::file_name);
    if arguments.len() == 1 && name.is_some_and(|name| name == "bootstrap") {
        arguments.push("lambda".into());
    }
    arguments
}

/// Looks for `--output json` on a command line that did not parse.
fn asked_for_json() -> bool {
    let args: Vec<std::ffi::OsString> = std::env::args_os().collect();
    args.iter().any(|arg| arg == "--output=json")
        || args.windows(2).any(|pair| matches!(pair, [flag, value] if flag == "--output" && value == "json"))
}

fn run(cli: Cli) -> Result<Code, Failure> {
    let Cli { command, global, settings } = cli;
    let format = global.output;
    let settings = || Settings::load(settings, global.config.as_deref()).map_err(anyhow::Error::from);
    let session = || Ok::<_, anyhow::Error>(Session::new(settings()?, global.profile));
    let gate = matches!(command, Command::Gate(_)).then_some(Printed::Gate);
    let audit = matches!(command, Command::Audit(_)).then_some(Printed::Audit);
    let printed = gate.or(audit).unwrap_or(Printed::Other);
    if !format.is_for(printed) {
        let others: Vec<&str> = [("gate", Printed::Gate), ("audit", Printed::Audit)]
            .into_iter()
            .filter(|(_, printed)| format.is_for(*printed))
            .map(|(name, _)| name)
            .collect();
        return Err(Failure::new(Code::Usage, format!("--output {format} is for {} only", others.join(" and "))));
    }
    Ok(match command {
        Command::Gate(command) => command.run(&session()?, format)?,
        Command::Approve(command) => wait(command.run(&session()?, format))??,
        Command::Seal(command) => wait(command.run(&session()?, format))??,
        Command::Describe(command) => wait(command.run(&session()?, format))??,
        Command::Sign(command) => wait(command.run(&session()?, format))??,
        Command::Verify(command) => wait(command.run(&session()?, format))?.map_err(Failure::unanswered)?,
        Command::Override(command) => wait(command.run(&session()?, format))??,
        Command::Publish(command) => wait(command.run(&session()?, format))??,
        Command::Reseal(command) => wait(command.run(&session()?, format))??,
        Command::Revoke(command) => wait(command.run(&session()?, format))??,
        Command::Hook(command) => command.run(session()?, format).map_err(Failure::unanswered)?,
        Command::Enroll(command) => wait(command.run(&session()?, format))?.map_err(Failure::unanswered)?,
        Command::Boot(command) => match command.of_image(format) {
            Ok(done) => done?,
            Err(guard) => guard.run(session()?, format)?,
        },
        Command::Doctor(command) => wait(command.run(&session()?, format))?.map_err(Failure::unanswered)?,
        Command::Audit(command) => command.run(session, format).map_err(Failure::unanswered)?,
        Command::Trace(command) => wait(command.run(&session()?, format))??,
        Command::Sbom(command) => command.run(session, format).map_err(Failure::unanswered)?,
        Command::Receipts(command) => wait(command.run(&session()?, format))?.map_err(Failure::unanswered)?,
        Command::Lambda(command) => command.run(session()?).map_err(Failure::unanswered)?,
        Command::Policy(command) => command.run(session, format)?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "goldseal", &mut script);
            // Nothing else was done that could be asked for.
            render::script(&script).map_err(|error| Failure { hints: Vec::new(), ..Failure::from(error) })?;
            Code::Good
        }
        Command::Release(command) => wait(command.run(&session()?, format))??,
        Command::Manual { folder } => {
            clap_mangen::generate_to(Cli::command(), &folder)
                .with_context(|| format!("writing manual pages into {}", folder.display()))?;
            Code::Good
        }
    })
}

/// Runs a command to its end on one thread; hashing goes to others.
///
/// On the heap: a command has kilobytes, and every frame on the way to its first poll would have a copy of them.
fn wait<'a, T>(command: impl Future<Output = T> + 'a) -> anyhow::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command.boxed_local()))
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

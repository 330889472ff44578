//! A registry's name → what to send along with a request: nothing, a password, or a token for it.
//!
//! Credentials are those that `docker login` or `podman login` left, or their credential helpers know. They are asked
//! for at every login, since helpers hand out short-lived ones. Without any, the registry is asked anonymously. The
//! token exchange itself is oci-client's.

use std::{
    collections::BTreeMap,
    env, fmt,
    fs::File,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use docker_credential::{CredentialRetrievalError, DockerCredential};
use goldseal_core::ports::{PortError, PortErrorKind};
use oci_client::{
    Reference, RegistryOperation,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    secrets::RegistryAuth,
};
use reqwest::RequestBuilder;
use tokio::sync::Mutex;

use super::super::{OpenError, Settings};

/// A token lives for a minute at least, says the specification.
const FRESH: Duration = Duration::from_secs(50);

/// The login to one repository.
pub(super) struct Login {
    exchange: oci_client::Client,
    repository: Reference,
    logins: Option<PathBuf>,
    tokens: Mutex<BTreeMap<RegistryOperation, (Instant, RegistryAuth)>>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("repository", &self.repository).finish_non_exhaustive()
    }
}

impl Login {
    pub(super) fn new(repository: Reference, plain: bool, settings: &Settings) -> Result<Self, OpenError> {
        let mut config = ClientConfig {
            protocol: if plain { ClientProtocol::Http } else { ClientProtocol::Https },
            connect_timeout: Some(Duration::from_secs(10)),
            read_timeout: Some(Duration::from_secs(30)),
            user_agent: concat!("goldseal/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        if let Some(path) = &settings.ca_file {
            let data = std::fs::read(path).map_err(|source| OpenError::CaFile { path: path.clone(), source })?;
            config.extra_root_certificates = vec![Certificate { encoding: CertificateEncoding::Pem, data }];
        }
        let exchange = oci_client::Client::try_from(config).map_err(OpenError::Login)?;
        Ok(Self { exchange, repository, logins: settings.registry_logins.clone(), tokens: Mutex::default() })
    }

    /// Puts on a request what the registry wants to see for that operation.
    pub(super) async fn sign(
        &self,
        request: RequestBuilder,
        operation: RegistryOperation,
    ) -> Result<RequestBuilder, PortError> {
        // Held over the exchange, so that many requests at once log in once.
        let mut tokens = self.tokens.lock().await;
        let auth = match tokens.get(&operation) {
            Some((since, auth)) if since.elapsed() < FRESH => auth.clone(),
            _ => {
                let auth = self.log_in(operation).await?;
                tokens.insert(operation, (Instant::now(), auth.clone()));
                auth
            }
        };
        Ok(match auth {
            RegistryAuth::Anonymous => request,
            RegistryAuth::Basic(name, password) => request.basic_auth(name, Some(password)),
            RegistryAuth::Bearer(token) => request.bearer_auth(token),
        })
    }

    async fn log_in(&self, operation: RegistryOperation) -> Result<RegistryAuth, PortError> {
        let registry = self.repository.resolve_registry().to_owned();
        let fail = |kind| PortError::new(kind, "logging in to registry", &registry);
        let (name, logins) = (registry.clone(), self.logins.clone());
        let credentials = tokio::task::spawn_blocking(move || credentials(&name, logins.as_deref()))
            .await
            .map_err(|e| fail(PortErrorKind::Unavailable).because(e))?
            .map_err(|why| fail(PortErrorKind::Refused).because(why))?;
        match self.exchange.auth(&self.repository, &credentials, operation).await {
            Ok(Some(token)) => Ok(RegistryAuth::Bearer(token)),
            // No token to be had: the registry wants the password itself, or nothing.
            Ok(None) => Ok(credentials),
            Err(error) => Err(fail(kind_of(&error)).because(error)),
        }
    }
}

/// oci-client tells every refusal of a token alike, an outage of the token service too.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are answers that make no sense")]
fn kind_of(error: &OciDistributionError) -> PortErrorKind {
    match error {
        OciDistributionError::RequestError(_) => PortErrorKind::Unavailable,
        OciDistributionError::AuthenticationFailure(_) | OciDistributionError::UnauthorizedError { .. } => {
            PortErrorKind::Denied
        }
        _ => PortErrorKind::Malformed,
    }
}

fn credentials(registry: &str, named: Option<&Path>) -> Result<RegistryAuth, String> {
    let files = named.map_or_else(login_files, |path| vec![path.to_owned()]);
    for path in files {
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if named.is_none() && e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(format!("{}: {e}", path.display())),
        };
        match docker_credential::get_credential_from_reader(file, registry) {
            Ok(DockerCredential::UsernamePassword(name, password)) => return Ok(RegistryAuth::Basic(name, password)),
            Ok(DockerCredential::IdentityToken(_)) => {
                let why = "holds an identity token for it, which cannot be used here: log in with a password";
                return Err(format!("{} {why}", path.display()));
            }
            Err(CredentialRetrievalError::NoCredentialConfigured) => {}
            // What every helper says, on standard output, when it has none for the registry.
            Err(CredentialRetrievalError::HelperFailure { stdout, .. }) if stdout.contains("credentials not found") => {
            }
            Err(error) => return Err(format!("{}: {error}", path.display())),
        }
    }
    Ok(RegistryAuth::Anonymous)
}

/// Returns where `docker login` and `podman login` leave credentials.
fn login_files() -> Vec<PathBuf> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let docker = variable("DOCKER_CONFIG").or_else(|| Some(variable("HOME")?.join(".docker")));
    let podman =
        variable("REGISTRY_AUTH_FILE").or_else(|| Some(variable("XDG_RUNTIME_DIR")?.join("containers/auth.json")));
    docker.map(|folder| folder.join("config.json")).into_iter().chain(podman).collect()
}

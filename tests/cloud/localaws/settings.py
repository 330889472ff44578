"""Decides moto's switches. Must run before anything of moto is imported."""
import os

SWITCHES = {
    # 1,301 Amazon images would hide the few that a test is about.
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    # RunInstances refuses an image that does not exist.
    "MOTO_ENABLE_AMI_VALIDATION": "true",
    # A bucket of another account is out of reach unless its policy opens it (s3.py).
    "MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS": "false",
    # The host is an address; the bucket is always in the path.
    "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true",
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    # botocore inside the server must never look for a real account.
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
# Set by a developer's shell or by the caller for its own client, wrong in here.
UNWANTED = ("MOTO_ACCOUNT_ID", "MOTO_AMIS_PATH", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL")


def prepare(account: str) -> None:
    os.environ.update(SWITCHES)
    for name in UNWANTED:
        os.environ.pop(name, None)
    import moto.core
    import moto.core.models

    # Every service copies this name when it is imported, so it must change first.
    # MOTO_ACCOUNT_ID would pin all callers, assumed roles too, to one account.
    moto.core.DEFAULT_ACCOUNT_ID = moto.core.models.DEFAULT_ACCOUNT_ID = account

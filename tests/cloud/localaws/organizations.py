"""Organizations: who may ask, accounts in every state, pages of at most twenty."""
import json
from datetime import UTC, datetime

from moto.organizations import models, responses, urls

from . import callers, errors, paging
from .controls import read

# Status is the older field, which knows fewer states.
STATES = {"ACTIVE": "ACTIVE", "SUSPENDED": "SUSPENDED", "PENDING_CLOSURE": "PENDING_CLOSURE",
          "PENDING_ACTIVATION": None, "CLOSED": None}
MOST = 20


def _managing(account: str, partition: str):
    """The backend of the management account of an account's organization."""
    backends = models.organizations_backends
    master, partition = backends.master_accounts.get(account, (account, partition))
    backend = backends[master][partition]
    return backend if backend.org else None


def organization_of(account: str, partition: str):
    backend = _managing(account, partition)
    return backend.org if backend else None


def privileged(account: str, partition: str) -> bool:
    """The management account and delegated administrators."""
    backend = _managing(account, partition)
    return backend is not None and (backend.account_id == account
                                    or account in [one.account.id for one in backend.admins])


class Organizations(responses.OrganizationsResponse):
    def list_accounts(self):
        managing = _managing(self.current_account, self.partition)
        if managing is None:
            raise errors.organizations("AWSOrganizationsNotInUseException",
                                       "Your account is not a member of an organization.")
        if not privileged(self.current_account, self.partition):
            raise errors.organizations("AccessDeniedException",
                                       "You don't have permissions to access this resource.")
        size = self._get_param("MaxResults", MOST)
        if not 1 <= size <= MOST:
            raise errors.organizations("InvalidInputException", "You specified an invalid value.")
        found, token = managing.list_all(), self._get_param("NextToken")
        if managing.empty_page and not token:  # the API reference warns of them
            return json.dumps({"Accounts": [], "NextToken": paging.first()})
        try:
            page, token = paging.page(found, token, size)
        except Exception:
            raise errors.organizations("InvalidInputException", "You provided an invalid NextToken.") from None
        return json.dumps({"Accounts": page, "NextToken": token})


class Backend(models.OrganizationsBackend):
    __module__ = models.__name__  # moto finds a backend's URLs by this name

    empty_page = False  # comes first in every listing

    def list_all(self) -> list[dict]:
        return [_shown(one.describe()) for one in self.accounts]


def _shown(account: dict) -> dict:
    status = STATES[account["State"]]
    return {name: value for name, value in (account | {"Status": status}).items() if value is not None}


def declare(given: object) -> dict:
    """Makes an organization of known accounts: POST /localaws/organization."""
    given = read(given, {"management": str, "accounts": list}, {"delegated": list, "empty_page": bool})
    accounts = [read(one, {"id": str}, {"name": str, "state": str}) for one in given["accounts"]]
    for one in [given["management"], *given.get("delegated", []), *(one["id"] for one in accounts)]:
        if not isinstance(one, str) or not callers.ACCOUNT_ID.fullmatch(one):
            raise ValueError("an account must be 12 digits")
    if wrong := [one["state"] for one in accounts if one.get("state", "ACTIVE") not in STATES]:
        raise ValueError(f"no such state: {', '.join(wrong)}; there are {', '.join(STATES)}")
    backends = models.organizations_backends
    backend = backends[given["management"]]["aws"]
    if backend.org is None:
        backend.create_organization("us-east-1")
        # moto's own, which claims a random account and makes a role there.
        backend.accounts[0].name = "management"
    backend.empty_page = given.get("empty_page", False)
    for one in accounts:
        _place(backend, one)
    known = {one.id: one for one in backend.accounts}
    for one in given.get("delegated", []):
        if one not in known:
            raise ValueError(f"{one} is not in the organization")
        backend.admins.append(models.FakeDelegatedAdministrator(known[one]))
    return {"id": backend.org.id, "accounts": backend.list_all()}


def _place(backend, given: dict) -> None:
    """Adds an account to the organization, or changes its state."""
    account = next((one for one in backend.accounts if one.id == given["id"]), None)
    if account is None:
        # moto's initializer is not called: it would choose the number, and make a role under it.
        account = models.FakeAccount.__new__(models.FakeAccount)
        vars(account).update(vars(backend.accounts[0]))
        account.id, account.create_time = given["id"], datetime.now(UTC).replace(tzinfo=None)
        account.email, account.tags, account.attached_policies = f"{given['id']}@example.com", {}, []
        account.name = given["id"]
        backend.accounts.append(account)
        models.organizations_backends.master_accounts[account.id] = (backend.account_id, backend.partition)
    account.name = given.get("name", account.name)
    account.status = account.state = given.get("state", account.state)


def reset() -> None:
    models.organizations_backends.master_accounts.clear()


def install() -> None:
    models.organizations_backends.backend = Backend
    urls.url_paths = {path: Organizations.dispatch for path in urls.url_paths}

"""A model of one MailerSend suppression list, as plain as can be, to compare outcomes with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_mailersend.api.answers import Answer, Failure, Outcome
from airflow_provider_mailersend.api.requests import Request

from .script import Script, answer, refusal

#: What may go wrong with a request whose sender can still tell, or find out, what became of it.
FAULTS = (
    "fine",
    "refused",
    "lost before",
    "lost after",
    "truncated",
    "timed out before",
    "timed out after",
    "429",
    "429 with retry-after",
    "421",
    "408 before",
    "503 before",
    "503 after",
    "HTML after",
    "HTML before",
)

_HTML = b"<!DOCTYPE html><html><body>Just a moment...</body></html>"


class Account:
    """
    One suppression list of an account.

    :param most: how many items a request may hold; more are refused.
    :param names_most: how a request is refused for its size: by a 422 that names the number, or by a 413.
    :param invalid: the values that are refused by a 422.
    :param ahead: how far the API's clock is ahead of ours, in seconds.
    :param tells_date: whether answers hold a Date header.
    :param faults: what goes wrong with each request in turn, from :data:`FAULTS`; then nothing does.
    :param left: how many of the day's requests are left; None for any number.
    :param whole_day: how many a whole day has.
    :param tells_quota: whether the token may ask for them, and answers tell what is left.
    """

    def __init__(
        self,
        suppression_list: str = "blocklist",
        *,
        most: int | None = None,
        names_most: bool = True,
        invalid: Iterable[str] = (),
        ahead: float = 0.0,
        tells_date: bool = True,
        faults: Iterable[str] = (),
        left: int | None = None,
        whole_day: int = 100_000,
        tells_quota: bool = True,
    ) -> None:
        self.suppression_list = suppression_list
        self.most = most
        self.names_most = names_most
        self.invalid = set(invalid)
        self.ahead = ahead
        self.tells_date = tells_date
        self.faults = list(faults)
        self.left = left
        self.whole_day = whole_day
        self.tells_quota = tells_quota
        #: All entries, newest first.
        self.entries: list[dict[str, Any]] = []
        self._made = 0

    def put(
        self, value: str, *, at: float, kind: str = "recipients", domain_id: str | None = None
    ) -> dict[str, Any]:
        """Put one entry on the list, by the API's clock at *at*, and return it."""
        self._made += 1
        date = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        entry: dict[str, Any] = {"id": f"e{self._made}", "created_at": date}
        domain = {"id": domain_id, "name": f"{domain_id}.example"} if domain_id else None
        if self.suppression_list == "blocklist":
            type_ = "pattern" if kind == "patterns" else "exact"
            entry |= {"type": type_, "pattern": value, "domain": domain}
        else:
            entry["recipient"] = {"id": f"r{self._made}", "email": value, "domain": domain}
        self.entries.insert(0, entry)
        return entry

    def put_many(self, number: int, *, newest: float) -> None:
        """Put so many entries on the list, a minute apart."""
        for n in range(number):
            self.put(f"old{n}@example.org", at=newest - 60.0 * (number - 1 - n))

    def __call__(self, request: Request, script: Script) -> Outcome:
        """Answer a request, or fail to, as the next fault says."""
        fault = self.faults.pop(0) if self.faults else "fine"
        if fault.startswith("HTML") and request.method != "POST":
            fault = "fine"
        if fault.startswith("timed out"):
            script.now += 30.0
        match fault:
            case "refused":
                return Failure("connection refused", never_sent=True)
            case "lost before":
                return Failure("connection reset")
            case "timed out before":
                return Failure("timed out")
            case "429":
                return self._stamped(answer(429, {"message": "Please wait a while before retrying."}), script)
            case "429 with retry-after":
                return self._stamped(answer(429, {}, {"retry-after": "7"}), script)
            case "421" | "408 before" | "503 before":
                return self._stamped(answer(int(fault[:3]), _HTML), script)
            case "HTML before":
                return self._stamped(answer(200, _HTML), script)
        done = self._stamped(self._process(request, script.now + self.ahead), script)
        match fault:
            case "lost after" | "truncated":
                return Failure(fault)
            case "timed out after":
                return Failure(fault)
            case "503 after":
                return self._stamped(answer(503, _HTML), script)
            case "HTML after" if done.ok:
                return self._stamped(answer(200, _HTML), script)
        return done

    def _stamped(self, done: Answer, script: Script) -> Answer:
        if self.left is not None and self.tells_quota and done.ok:
            done = Answer(done.status, {**done.headers, "x-apiquota-remaining": str(self.left)}, done.body)
        if not self.tells_date:
            return done
        now = datetime.fromtimestamp(int(script.now + self.ahead), UTC)
        date = now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return Answer(done.status, {**done.headers, "date": date}, done.body)

    def _process(self, request: Request, now: float) -> Answer:
        if request.path == "/api-quota":
            return self._quota()
        if self.left == 0:
            return answer(429, {"message": "The daily API quota is reached. #MS42901"})
        if self.left is not None:
            self.left -= 1
        if request.path == "/domains":
            return answer(200, {"data": [{"id": "d1", "name": "d1.example"}], "links": {"next": None}})
        assert request.path == f"/suppressions/{self.suppression_list}"
        match request.method:
            case "GET":
                return self._list(request)
            case "POST":
                return self._add(dict(request.body or {}), now)
            case "DELETE":
                return self._delete(dict(request.body or {}))
        raise AssertionError(request.method)

    def _quota(self) -> Answer:
        if not self.tells_quota:
            return answer(403, {"message": "This action is unauthorized."})
        if self.left is None:
            return answer(200, {"quota": -1, "remaining": -1, "reset": None})
        return answer(200, {"quota": self.whole_day, "remaining": self.left, "reset": None})

    def _list(self, request: Request) -> Answer:
        params = dict(request.params)
        number, limit = int(params.pop("page")), int(params.pop("limit"))
        assert limit == 100
        wanted = params.pop("domain_id", None)
        assert not params
        asked = [e for e in self.entries if wanted is None or self.domain_of(e) == wanted]
        found = asked[(number - 1) * limit : number * limit]
        more = len(asked) > number * limit
        return answer(200, {"data": found, "links": {"next": "https://x/?page=2" if more else None}})

    def _too_many(self, kinds: dict[str, list[str]]) -> Answer | None:
        if self.most is None or all(len(values) <= self.most for values in kinds.values()):
            return None
        if not self.names_most:
            return answer(413, _HTML)
        return refusal(
            {
                kind: [f"The {kind} field must not have more than {self.most} items."]
                for kind, values in kinds.items()
                if len(values) > self.most
            }
        )

    def _add(self, body: dict[str, Any], now: float) -> Answer:
        kinds: dict[str, list[str]] = {
            kind: body[kind] for kind in ("recipients", "patterns") if kind in body
        }
        assert any(kinds.values()), "an addition of nothing was sent"
        if refused := self._too_many(kinds):
            return refused
        errors = {
            f"{kind}.{n}": [f"The {kind}.{n} must be a valid email address. #MS42208"]
            for kind, values in kinds.items()
            for n, value in enumerate(values)
            if value in self.invalid
        }
        if errors:
            return refusal(errors)
        made = []
        for kind, values in kinds.items():
            for value in values:
                entry = self._existing(value, body["domain_id"]) if self._unique else None
                made.append(entry or self.put(value, at=now, kind=kind, domain_id=body.get("domain_id")))
        return answer(201, {"data": made})

    def _delete(self, body: dict[str, Any]) -> Answer:
        ids = body["ids"]
        assert ids, "a deletion of nothing was sent"
        if refused := self._too_many({"ids": ids}):
            return refused
        known = {entry["id"] for entry in self.entries}
        errors = {
            f"ids.{n}": [f"The selected ids.{n} is invalid."] for n, i in enumerate(ids) if i not in known
        }
        if errors:
            return refusal(errors)
        self.entries = [entry for entry in self.entries if entry["id"] not in ids]
        return answer(200, b"[]")

    @property
    def _unique(self) -> bool:
        return self.suppression_list != "blocklist"

    def _existing(self, value: str, domain_id: str) -> dict[str, Any] | None:
        for entry in self.entries:
            if self.value_in(entry).lower() == value.lower() and self.domain_of(entry) == domain_id:
                return entry
        return None

    @staticmethod
    def value_in(entry: dict[str, Any]) -> str:
        """Return what an entry suppresses."""
        value = entry["pattern"] if "pattern" in entry else entry["recipient"]["email"]
        assert isinstance(value, str)
        return value

    @staticmethod
    def domain_of(entry: dict[str, Any]) -> str | None:
        """Return the id of an entry's domain, None for the account's own."""
        domain = entry["domain"] if "pattern" in entry else entry["recipient"]["domain"]
        return domain["id"] if domain else None

    def of_domain(self, domain_id: str | None) -> list[str]:
        """Return the values of one domain's entries, or of the account's own."""
        return [self.value_in(entry) for entry in self.entries if self.domain_of(entry) == domain_id]


def minutes(number: float) -> float:
    """Return so many minutes in seconds."""
    return timedelta(minutes=number).total_seconds()

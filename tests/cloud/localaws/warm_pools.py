"""Warm pools: instances that wait for their hooks twice, when prepared and when they join the group."""
from moto.core.exceptions import ServiceException

from .controls import LOCK

RESTING = {"Stopped": "Warmed:Stopped", "Running": "Warmed:Running", "Hibernated": "Warmed:Hibernated"}


class WarmPool:
    """A part of Group."""

    @property
    def pool_capacity(self) -> int:
        pool = self.warm_pool
        if pool is None:
            return 0
        prepared = pool.max_group_prepared_capacity
        most = self.max_size if prepared is None or int(prepared) < 0 else int(prepared)
        return max(most - (self.desired_capacity or 0), int(pool.min_size or 0))

    @property
    def warm_pool_size(self) -> int | None:
        return len(self.pool) if self.warm_pool else None

    def put_warm_pool(self, **given) -> None:
        super().put_warm_pool(**given)
        self.fill_pool()

    def empty_pool(self) -> None:
        self.warm_pool = None
        for member in list(self.pool):
            self.end(member)

    def fill_pool(self) -> None:
        for member in [one for one in self.pool if one.lifecycle_state in RESTING.values()][:self._too_many()]:
            self.end(member)
        while self._reserve_in_pool():
            try:
                member = self.launched()
                member.destination = "WarmPool"
                with LOCK:
                    self.pool = [*self.pool, member]
            except ServiceException as e:
                return self.failed(e, "WarmPool")
            finally:
                with LOCK:
                    self.preparing -= 1
            self.enter(member, "EC2", "WarmPool")

    def _reserve_in_pool(self) -> bool:
        with LOCK:
            wanted = self.alive and self._too_many() < 0 and "Launch" not in self._suspended_processes
            self.preparing += wanted
            return wanted

    def _too_many(self) -> int:
        return len(self.pool) + self.preparing - self.pool_capacity

    def rest(self, member) -> None:
        """An instance is prepared."""
        state = self.warm_pool.pool_state if self.warm_pool else "Stopped"
        if state != "Running":
            self.ec2_backend.stop_instances([member.instance_id])
        member.lifecycle_state = RESTING[state]

    def take_from_pool(self):
        """Moves a prepared instance into the group, which it then enters."""
        with LOCK:
            ready = next((one for one in self.pool if one.lifecycle_state in RESTING.values()), None)
            if ready is None:
                return None
            self.pool = [one for one in self.pool if one is not ready]
            ready.lifecycle_state = "Pending"
            self.instance_states = [*self.instance_states, ready]
        self.ec2_backend.start_instances([ready.instance_id])
        return ready

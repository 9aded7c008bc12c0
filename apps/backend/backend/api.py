"""The endpoints."""

import datetime as dt
import uuid
from typing import Annotated

import asyncpg
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from harbour.connections import REDIS_FAILURES
from harbour.logs import describe
from harbour.totals import TOTALS, Totals

from backend import repository
from backend.errors import DependencyUnavailableError, InvalidFieldError
from backend.schemas import ArrivalPage, ArrivalView, BerthView, NewArrival, TotalsView, VesselView
from backend.services import Services

MOST_VESSELS = 500

api = APIRouter(prefix="/api")
health = APIRouter()


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(_services)]


@health.get("/health")
async def live() -> dict[str, str]:
    """Tell that the process answers, whatever its dependencies do."""
    return {"status": "ok"}


@health.get("/health/ready")
async def ready(services: ServicesOf) -> JSONResponse:
    """Tell whether PostgreSQL and Redis can be used; 503 names which cannot, and why."""
    report = await services.readiness.report()
    return JSONResponse(report.body(), status_code=200 if report.healthy else 503)


@api.get("/berths")
async def berths(services: ServicesOf) -> list[BerthView]:
    """List the berths."""
    async with services.database.connection() as connection:
        return [BerthView.of(berth) for berth in await repository.list_berths(connection)]


@api.get("/vessels")
async def vessels(services: ServicesOf) -> list[VesselView]:
    """List the vessels that called before, by name."""
    async with services.database.connection() as connection:
        return [VesselView.of(vessel) for vessel in await repository.list_vessels(connection, limit=MOST_VESSELS)]


@api.get("/arrivals")
async def arrivals(
    services: ServicesOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> ArrivalPage:
    """List arrivals, the newest entry first."""
    async with services.database.connection() as connection:
        found = await repository.list_arrivals(connection, limit=limit + 1, before=before)
    page = found[:limit]
    return ArrivalPage(
        items=[ArrivalView.of(arrival) for arrival in page],
        next_before=page[-1].id if len(found) > limit else None,
    )


@api.post("/arrivals", status_code=201)
async def add_arrival(
    new: NewArrival,
    services: ServicesOf,
    response: Response,
    idempotency_key: Annotated[uuid.UUID | None, Header()] = None,
) -> ArrivalView:
    """Record an arrival. A request repeated with the same ``Idempotency-Key`` gives the first one's arrival and 200."""
    request_id = idempotency_key or uuid.uuid4()
    async with services.database.connection() as connection:
        try:
            arrival = await repository.record_arrival(
                connection,
                request_id=request_id,
                vessel=new.vessel,
                kind=new.kind,
                berth=new.berth,
                cargo_tonnes=new.cargo_tonnes,
                note=new.note,
                arrived_at=new.arrived_at or dt.datetime.now(dt.UTC),
            )
        except asyncpg.ForeignKeyViolationError as error:
            known = ", ".join(berth.code for berth in await repository.list_berths(connection))
            raise InvalidFieldError("berth", f"there is no berth {new.berth}; choose one of {known}") from error
        if arrival is None:
            response.status_code = 200
            arrival = await repository.find_by_request(connection, request_id)
    if arrival is None:
        raise LookupError(f"arrival of request {request_id} is neither new nor known")
    services.relay.wake()
    return ArrivalView.of(arrival)


@api.get("/totals")
async def totals(services: ServicesOf) -> TotalsView:
    """Tell what the worker counted so far."""
    try:
        values = await services.redis.hgetall(TOTALS)
    except REDIS_FAILURES as error:
        raise DependencyUnavailableError("redis", describe(error)) from error
    return TotalsView.of(Totals.from_hash({str(name): str(value) for name, value in values.items()}))

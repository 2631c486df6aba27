"""Version 1 over REST: each endpoint translates, and calls the interviewer."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Security
from fastapi.security import HTTPBearer

from api.route import ContractRoute
from api.schemas import (
    AnswerData,
    CoachedData,
    ConfigData,
    CreatedData,
    CreateInterview,
    EndedData,
    Failure,
    FeedbackData,
    GuidanceData,
    InterviewData,
    PracticeData,
    PracticeQuestionData,
    RequestFeedback,
    RequestPractice,
    SubmitAnswer,
    Success,
    SummaryData,
)
from api.services import Services
from graphs.coaching import give_feedback, give_practice
from graphs.errors import AnswerConflict
from graphs.state import Context, PracticeInput

ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Failure, "description": "The request is malformed, or does not fit where things stand."},
    401: {
        "model": Failure,
        "description": "The API key is missing or not valid.",
        "headers": {"WWW-Authenticate": {"schema": {"type": "string", "const": "Bearer"}}},
    },
    413: {"model": Failure, "description": "The body is too large."},
    429: {
        "model": Failure,
        "description": "Too many requests; the next one is taken after `Retry-After` seconds.",
        "headers": {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}},
    },
    500: {"model": Failure, "description": "The server failed; `details.retryable` tells whether to repeat."},
}
ERRORS_OF_ONE = ERRORS | {
    403: {"model": Failure, "description": "The interview belongs to another API key."},
    404: {"model": Failure, "description": "There is no such interview."},
}

router = APIRouter(
    route_class=ContractRoute,
    generate_unique_id_function=lambda route: route.name,
    redirect_slashes=False,
    dependencies=[Security(HTTPBearer(auto_error=False, description="An API key."))],
)


# Asynchronous, since FastAPI hands other dependencies to a thread, which takes longer than all of them do.
async def get_services(request: Request) -> Services:
    """The services of this server."""
    services: Services = request.app.state.services
    return services


async def get_owner(request: Request) -> str:
    """The id of the key that the route recognised."""
    return str(request.state.owner)


async def get_subject(request: Request) -> str:
    """The id for what this request makes; a repetition under an Idempotency-Key gets the first one's."""
    return str(request.state.subject)


WithServices = Annotated[Services, Depends(get_services)]
Owner = Annotated[str, Depends(get_owner)]
Subject = Annotated[str, Depends(get_subject)]


@router.post("/interviews", status_code=201, responses=ERRORS, tags=["interviews"])
async def create_interview(
    body: CreateInterview, services: WithServices, owner: Owner, subject: Subject
) -> Success[CreatedData]:
    """Create an interview; its first question is being prepared from now on."""
    interview = await services.interviewer.create(owner, body.to_config(), subject)
    return Success(
        data=CreatedData(
            interview_id=interview.id,
            created_at=interview.created_at,
            config=ConfigData.of(interview.config),
        )
    )


@router.get("/interviews/{interview_id}", responses=ERRORS_OF_ONE, tags=["interviews"])
async def get_interview(interview_id: str, services: WithServices, owner: Owner) -> Success[InterviewData]:
    """The interview with its open question, or with its summary once it is completed."""
    return Success(data=InterviewData.of(await services.interviewer.read(owner, interview_id)))


@router.post("/interviews/{interview_id}/answers", responses=ERRORS_OF_ONE, tags=["interviews"])
async def submit_answer(
    interview_id: str, body: SubmitAnswer, services: WithServices, owner: Owner
) -> Success[AnswerData]:
    """Answer the current question; sending the same answer again returns the same result."""
    result = await services.interviewer.answer(owner, interview_id, body.question_id, body.answer)
    return Success(data=AnswerData.of(result))


@router.post("/interviews/{interview_id}/end", responses=ERRORS_OF_ONE, tags=["interviews"])
async def end_interview(interview_id: str, services: WithServices, owner: Owner) -> Success[EndedData]:
    """End the interview and return its summary, the same each time."""
    interview = await services.interviewer.end(owner, interview_id)
    if interview.summary is None:
        raise AnswerConflict("The interview has no summary yet.", None)
    return Success(data=EndedData(interview_id=interview.id, summary=SummaryData.of(interview.summary)))


@router.post("/coaching/feedback", responses=ERRORS, tags=["coaching"])
async def request_feedback(body: RequestFeedback, services: WithServices) -> Success[CoachedData]:
    """Coaching on one answer by a framework: STAR, CAR, PAR or SOAR."""
    context = Context(model=services.settings.model)
    coaching = await give_feedback(body.question, body.answer, body.framework, context)
    return Success(data=CoachedData(feedback=FeedbackData.of(coaching)))


@router.post("/coaching/practice-questions", responses=ERRORS, tags=["coaching"])
async def request_practice(
    body: RequestPractice, services: WithServices, subject: Subject
) -> Success[PracticeData]:
    """A question to practise on, with guidance."""
    wanted = PracticeInput(job_role=body.job_role, skill=body.skill, difficulty=body.difficulty)
    practice = await give_practice(wanted, Context(model=services.settings.model))
    return Success(
        data=PracticeData(
            question=PracticeQuestionData(id=f"pq{subject[:12]}", text=practice.text),
            guidance=GuidanceData(key_points=list(practice.key_points), structure=practice.structure),
        )
    )

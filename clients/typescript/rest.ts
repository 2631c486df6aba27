// Generated from /openapi.json by `make types`; not to be edited.

export interface paths {
    "/api/v1/interviews": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create Interview
         * @description Create an interview; its first question is being prepared from now on.
         */
        post: operations["create_interview"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/interviews/{interview_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Interview
         * @description The interview with its open question, or with its summary once it is completed.
         */
        get: operations["get_interview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/interviews/{interview_id}/answers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Submit Answer
         * @description Answer the current question; sending the same answer again returns the same result.
         */
        post: operations["submit_answer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/interviews/{interview_id}/end": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End Interview
         * @description End the interview and return its summary, the same each time.
         */
        post: operations["end_interview"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/coaching/feedback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Request Feedback
         * @description Coaching on one answer by a framework: STAR, CAR, PAR or SOAR.
         */
        post: operations["request_feedback"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/coaching/practice-questions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Request Practice
         * @description A question to practise on, with guidance.
         */
        post: operations["request_practice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * AnswerData
         * @description What became of an answer; `next_question` is null when the interview is over.
         */
        AnswerData: {
            /** Answer Id */
            answer_id: string;
            evaluation: components["schemas"]["EvaluationData"];
            next_question: components["schemas"]["QuestionData"] | null;
        };
        /**
         * CoachedData
         * @description The coaching of one answer.
         */
        CoachedData: {
            feedback: components["schemas"]["FeedbackData"];
        };
        /**
         * ConfigData
         * @description The configuration as it was sent, defaults filled in.
         */
        ConfigData: {
            /** Job Role */
            job_role: string;
            /** Experience Level */
            experience_level: string;
            /** Skills */
            skills: string[];
            /**
             * Interview Type
             * @enum {string}
             */
            interview_type: "technical" | "behavioral" | "system_design" | "mixed";
            /** Duration */
            duration: number;
        };
        /**
         * CreateInterview
         * @description What to interview about.
         */
        CreateInterview: {
            /** Job Role */
            job_role: string;
            /**
             * Experience Level
             * @default Mid-level
             */
            experience_level?: string;
            /**
             * Skills
             * @default []
             */
            skills?: string[];
            /**
             * Interview Type
             * @default mixed
             * @enum {string}
             */
            interview_type?: "technical" | "behavioral" | "system_design" | "mixed";
            /**
             * Duration
             * @description Whole minutes.
             * @default 30
             */
            duration?: number;
        };
        /**
         * CreatedData
         * @description A new interview.
         */
        CreatedData: {
            /** Interview Id */
            interview_id: string;
            /**
             * Created At
             * Format: date-time
             */
            created_at: string;
            /**
             * Status
             * @default created
             * @constant
             */
            status: "created";
            config: components["schemas"]["ConfigData"];
        };
        /**
         * CriterionLevel
         * @description How far one criterion was met, from 0 (not at all) to 4 (fully).
         */
        CriterionLevel: {
            /** Criterion */
            criterion: string;
            /** Level */
            level: number;
        };
        /**
         * EndedData
         * @description An interview that is over.
         */
        EndedData: {
            /** Interview Id */
            interview_id: string;
            /**
             * Status
             * @default completed
             * @constant
             */
            status: "completed";
            summary: components["schemas"]["SummaryData"];
        };
        /**
         * ErrorBody
         * @description What went wrong.
         */
        ErrorBody: {
            /**
             * Code
             * @enum {string}
             */
            code: "invalid_request" | "unauthorized" | "not_found" | "server_error" | "rate_limited";
            /** Message */
            message: string;
            /** Details */
            details: {
                [key: string]: unknown;
            };
        };
        /**
         * EvaluationData
         * @description The grade of an answer, 0 to 10, with what it rests on.
         */
        EvaluationData: {
            /** Score */
            score: number;
            /** Feedback */
            feedback: string;
            /** Evidence */
            evidence: components["schemas"]["Evidence"][];
            /** Missing */
            missing: string[];
            /** Levels */
            levels: components["schemas"]["CriterionLevel"][];
            provenance: components["schemas"]["Provenance"];
        };
        /**
         * Evidence
         * @description A verbatim quote: `answer[start:end] == quote`. `shows` is the key point or part it supports.
         */
        Evidence: {
            /** Quote */
            quote: string;
            /** Start */
            start: number;
            /** End */
            end: number;
            /**
             * Shows
             * @default
             */
            shows?: string;
        };
        /**
         * Failure
         * @description The envelope of every error.
         */
        Failure: {
            /**
             * Status
             * @default error
             * @constant
             */
            status: "error";
            error: components["schemas"]["ErrorBody"];
        };
        /**
         * FeedbackData
         * @description Coaching: `framework_analysis` has exactly the framework's parts, `evidence` the quotes for each.
         */
        FeedbackData: {
            /** Overall */
            overall: string;
            /** Framework Analysis */
            framework_analysis: {
                [key: string]: string;
            };
            /** Improvements */
            improvements: string[];
            /** Evidence */
            evidence: {
                [key: string]: components["schemas"]["Evidence"][];
            };
        };
        /**
         * GuidanceData
         * @description What a good answer holds, and how to order it.
         */
        GuidanceData: {
            /** Key Points */
            key_points: string[];
            /** Structure */
            structure: string;
        };
        /**
         * InterviewData
         * @description An interview as it stands; `summary` and `turns` are there once it is completed.
         */
        InterviewData: {
            /** Interview Id */
            interview_id: string;
            /**
             * Created At
             * Format: date-time
             */
            created_at: string;
            /**
             * Status
             * @enum {string}
             */
            status: "created" | "in_progress" | "completed";
            config: components["schemas"]["ConfigData"];
            current_question: components["schemas"]["QuestionData"] | null;
            progress: components["schemas"]["Progress"];
            summary: components["schemas"]["SummaryData"] | null;
            /** Turns */
            turns: components["schemas"]["TurnData"][] | null;
        };
        /**
         * PracticeData
         * @description A practice question with its guidance.
         */
        PracticeData: {
            question: components["schemas"]["PracticeQuestionData"];
            guidance: components["schemas"]["GuidanceData"];
        };
        /**
         * PracticeQuestionData
         * @description A question to practise on.
         */
        PracticeQuestionData: {
            /** Id */
            id: string;
            /** Text */
            text: string;
        };
        /**
         * Progress
         * @description How far an interview is; `ends_at` is when no further question is asked.
         */
        Progress: {
            /** Questions Asked */
            questions_asked: number;
            /** Questions Planned */
            questions_planned: number;
            /** Ends At */
            ends_at: string | null;
        };
        /**
         * Provenance
         * @description Who made an evaluation, so that it can be audited and repeated.
         *
         *     `cost_usd` is absent where the price is not known; the model fields are absent for the offline engine.
         */
        Provenance: {
            /** Engine */
            engine: string;
            /** Model Asked */
            model_asked?: string | null;
            /** Model Served */
            model_served?: string | null;
            /** Prompt */
            prompt?: string | null;
            /**
             * Rubric Version
             * @default 1
             */
            rubric_version?: string;
            /** Latency Ms */
            latency_ms?: number | null;
            /** Input Tokens */
            input_tokens?: number | null;
            /** Output Tokens */
            output_tokens?: number | null;
            /** Cost Usd */
            cost_usd?: number | null;
        };
        /**
         * QuestionData
         * @description A question; a follow-up names its main question.
         */
        QuestionData: {
            /** Id */
            id: string;
            /** Text */
            text: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "main" | "follow_up";
            /** Parent Id */
            parent_id: string | null;
            /** Competency */
            competency: string;
        };
        /**
         * RequestFeedback
         * @description An answer to be coached.
         */
        RequestFeedback: {
            /** Question */
            question: string;
            /** Answer */
            answer: string;
            /**
             * Framework
             * @default STAR
             * @enum {string}
             */
            framework?: "STAR" | "CAR" | "PAR" | "SOAR";
        };
        /**
         * RequestPractice
         * @description What to practise.
         */
        RequestPractice: {
            /** Job Role */
            job_role: string;
            /** Skill */
            skill: string;
            /**
             * Difficulty
             * @default intermediate
             * @enum {string}
             */
            difficulty?: "beginner" | "intermediate" | "advanced";
        };
        /**
         * SubmitAnswer
         * @description The answer to a question of an interview.
         */
        SubmitAnswer: {
            /** Question Id */
            question_id: string;
            /** Answer */
            answer: string;
        };
        /** Success[AnswerData] */
        Success_AnswerData_: {
            /**
             * Status
             * @default success
             * @constant
             */
            status: "success";
            data: components["schemas"]["AnswerData"];
        };
        /** Success[CoachedData] */
        Success_CoachedData_: {
            /**
             * Status
             * @default success
             * @constant
             */
            status: "success";
            data: components["schemas"]["CoachedData"];
        };
        /** Success[CreatedData] */
        Success_CreatedData_: {
            /**
             * Status
             * @default success
             * @constant
             */
            status: "success";
            data: components["schemas"]["CreatedData"];
        };
        /** Success[EndedData] */
        Success_EndedData_: {
            /**
             * Status
             * @default success
             * @constant
             */
            status: "success";
            data: components["schemas"]["EndedData"];
        };
        /** Success[InterviewData] */
        Success_InterviewData_: {
            /**
             * Status
             * @default success
             * @constant
             */
            status: "success";
            data: components["schemas"]["InterviewData"];
        };
        /** Success[PracticeData] */
        Success_PracticeData_: {
            /**
             * Status
             * @default success
             * @constant
             */
            status: "success";
            data: components["schemas"]["PracticeData"];
        };
        /**
         * SummaryData
         * @description The end of an interview; the overall score is from 0 to 100.
         */
        SummaryData: {
            /** Overall Score */
            overall_score: number;
            /** Strengths */
            strengths: string[];
            /** Areas For Improvement */
            areas_for_improvement: string[];
            /** Recommendations */
            recommendations: string;
            /** Answered */
            answered: number;
            /** Ungraded */
            ungraded: string[];
        };
        /**
         * TurnData
         * @description One question with its answer and grade, in a completed interview.
         */
        TurnData: {
            question: components["schemas"]["QuestionData"];
            /** Answer */
            answer: string | null;
            evaluation: components["schemas"]["EvaluationData"] | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    create_interview: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request under a key happens once; its response is kept for a day. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateInterview"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Success_CreatedData_"];
                };
            };
            /** @description The request is malformed, or does not fit where things stand. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The API key is missing or not valid. */
            401: {
                headers: {
                    "WWW-Authenticate"?: "Bearer";
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description Too many requests; the next one is taken after `Retry-After` seconds. */
            429: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The server failed; `details.retryable` tells whether to repeat. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    get_interview: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                interview_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Success_InterviewData_"];
                };
            };
            /** @description The request is malformed, or does not fit where things stand. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The API key is missing or not valid. */
            401: {
                headers: {
                    "WWW-Authenticate"?: "Bearer";
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The interview belongs to another API key. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description There is no such interview. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description Too many requests; the next one is taken after `Retry-After` seconds. */
            429: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The server failed; `details.retryable` tells whether to repeat. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    submit_answer: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request under a key happens once; its response is kept for a day. */
                "Idempotency-Key"?: string;
            };
            path: {
                interview_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SubmitAnswer"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Success_AnswerData_"];
                };
            };
            /** @description The request is malformed, or does not fit where things stand. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The API key is missing or not valid. */
            401: {
                headers: {
                    "WWW-Authenticate"?: "Bearer";
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The interview belongs to another API key. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description There is no such interview. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description Too many requests; the next one is taken after `Retry-After` seconds. */
            429: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The server failed; `details.retryable` tells whether to repeat. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    end_interview: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request under a key happens once; its response is kept for a day. */
                "Idempotency-Key"?: string;
            };
            path: {
                interview_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Success_EndedData_"];
                };
            };
            /** @description The request is malformed, or does not fit where things stand. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The API key is missing or not valid. */
            401: {
                headers: {
                    "WWW-Authenticate"?: "Bearer";
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The interview belongs to another API key. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description There is no such interview. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description Too many requests; the next one is taken after `Retry-After` seconds. */
            429: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The server failed; `details.retryable` tells whether to repeat. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    request_feedback: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request under a key happens once; its response is kept for a day. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RequestFeedback"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Success_CoachedData_"];
                };
            };
            /** @description The request is malformed, or does not fit where things stand. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The API key is missing or not valid. */
            401: {
                headers: {
                    "WWW-Authenticate"?: "Bearer";
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description Too many requests; the next one is taken after `Retry-After` seconds. */
            429: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The server failed; `details.retryable` tells whether to repeat. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    request_practice: {
        parameters: {
            query?: never;
            header?: {
                /** @description A request under a key happens once; its response is kept for a day. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RequestPractice"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Success_PracticeData_"];
                };
            };
            /** @description The request is malformed, or does not fit where things stand. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The API key is missing or not valid. */
            401: {
                headers: {
                    "WWW-Authenticate"?: "Bearer";
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description Too many requests; the next one is taken after `Retry-After` seconds. */
            429: {
                headers: {
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The server failed; `details.retryable` tells whether to repeat. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
}

// Generated from /asyncapi.json by `make types`; not to be edited.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * AnswerMessage
         * @description An answer; without a question id, the open question is meant.
         */
        AnswerMessage: {
            /** Answer */
            answer: string;
            /**
             * Question Id
             * @default null
             */
            question_id?: string | null;
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
         * DeltaMessage
         * @description A piece of feedback as it is written.
         */
        DeltaMessage: {
            /** Question Id */
            question_id: string;
            /** Text */
            text: string;
        };
        /**
         * EndedMessage
         * @description How the interview ended.
         */
        EndedMessage: {
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
         * FeedbackMessage
         * @description The grade of an answer, and which answer it is.
         */
        FeedbackMessage: {
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
            /** Question Id */
            question_id: string;
            /** Answer Id */
            answer_id: string;
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
            /**
             * Model Asked
             * @default null
             */
            model_asked?: string | null;
            /**
             * Model Served
             * @default null
             */
            model_served?: string | null;
            /**
             * Prompt
             * @default null
             */
            prompt?: string | null;
            /**
             * Rubric Version
             * @default 1
             */
            rubric_version?: string;
            /**
             * Latency Ms
             * @default null
             */
            latency_ms?: number | null;
            /**
             * Input Tokens
             * @default null
             */
            input_tokens?: number | null;
            /**
             * Output Tokens
             * @default null
             */
            output_tokens?: number | null;
            /**
             * Cost Usd
             * @default null
             */
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
         * RequestNextMessage
         * @description Nothing.
         */
        RequestNextMessage: Record<string, never>;
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
         * ThinkingMessage
         * @description Whether something that the candidate waits for is being prepared.
         */
        ThinkingMessage: {
            /** Is Thinking */
            is_thinking: boolean;
        };
        /**
         * TypingMessage
         * @description Whether the candidate is typing.
         */
        TypingMessage: {
            /** Is Typing */
            is_typing: boolean;
        };
        /** answer */
        answer: {
            /**
             * Type
             * @constant
             */
            type: "answer";
            data: components["schemas"]["AnswerMessage"];
        };
        /** error */
        error: {
            /**
             * Type
             * @constant
             */
            type: "error";
            data: components["schemas"]["ErrorBody"];
        };
        /** feedback */
        feedback: {
            /**
             * Type
             * @constant
             */
            type: "feedback";
            data: components["schemas"]["FeedbackMessage"];
        };
        /** feedback_delta */
        feedback_delta: {
            /**
             * Type
             * @constant
             */
            type: "feedback_delta";
            data: components["schemas"]["DeltaMessage"];
        };
        /** interview_ended */
        interview_ended: {
            /**
             * Type
             * @constant
             */
            type: "interview_ended";
            data: components["schemas"]["EndedMessage"];
        };
        /** question */
        question: {
            /**
             * Type
             * @constant
             */
            type: "question";
            data: components["schemas"]["QuestionData"];
        };
        /** request_next */
        request_next: {
            /**
             * Type
             * @constant
             */
            type: "request_next";
            /** @default {} */
            data?: components["schemas"]["RequestNextMessage"];
        };
        /** thinking */
        thinking: {
            /**
             * Type
             * @constant
             */
            type: "thinking";
            data: components["schemas"]["ThinkingMessage"];
        };
        /** typing */
        typing: {
            /**
             * Type
             * @constant
             */
            type: "typing";
            data: components["schemas"]["TypingMessage"];
        };
        FromClient: components["schemas"]["answer"] | components["schemas"]["request_next"] | components["schemas"]["typing"];
        FromServer: components["schemas"]["question"] | components["schemas"]["thinking"] | components["schemas"]["feedback"] | components["schemas"]["feedback_delta"] | components["schemas"]["interview_ended"] | components["schemas"]["error"];
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;

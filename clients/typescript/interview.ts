/**
 * An interview with nothing but the generated types: a typed `fetch`, and a typed socket.
 * For what is repeated when, see docs/api.md, and web/client.js for all of it.
 */

import type { components as rest, operations } from "./rest";
import type { components as socket } from "./socket";

export type Interview = rest["schemas"]["InterviewData"];
export type Question = rest["schemas"]["QuestionData"];
export type Summary = rest["schemas"]["SummaryData"];
export type Failure = rest["schemas"]["Failure"];
export type FromServer = socket["schemas"]["FromServer"];
export type FromClient = socket["schemas"]["FromClient"];

type Body<Name extends keyof operations> = operations[Name] extends {
  requestBody: { content: { "application/json": infer Content } };
} ? Content : never;
type Reply<Name extends keyof operations> = {
  [Status in keyof operations[Name]["responses"]]: operations[Name]["responses"][Status] extends {
    content: { "application/json": infer Content };
  } ? Content : never;
}[keyof operations[Name]["responses"]];

export class Interviewer {
  constructor(private readonly url: string, private readonly key: string) {}

  create(body: Body<"create_interview">): Promise<Reply<"create_interview">> {
    return this.send("POST", "/interviews", body);
  }

  read(id: string): Promise<Reply<"get_interview">> {
    return this.send("GET", `/interviews/${encodeURIComponent(id)}`);
  }

  answer(id: string, body: Body<"submit_answer">): Promise<Reply<"submit_answer">> {
    return this.send("POST", `/interviews/${encodeURIComponent(id)}/answers`, body);
  }

  end(id: string): Promise<Reply<"end_interview">> {
    return this.send("POST", `/interviews/${encodeURIComponent(id)}/end`);
  }

  /** Hear every message of an interview held live; the result sends. */
  follow(id: string, hear: (message: FromServer) => void): (message: FromClient) => void {
    const address = `${this.url.replace("http", "ws")}/api/v1/ws/interviews/${encodeURIComponent(id)}`;
    const live = new WebSocket(`${address}?token=${encodeURIComponent(this.key)}`);
    live.onmessage = ({ data }) => hear(JSON.parse(data) as FromServer);
    return (message) => live.send(JSON.stringify(message));
  }

  private async send<Content>(method: string, path: string, body?: unknown): Promise<Content> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.key}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return await response.json() as Content;
  }
}

/** What a message says, in a line; a kind that is missing here does not compile. */
export function describe({ type, data }: FromServer): string {
  switch (type) {
    case "question": return `${data.id}: ${data.text}`;
    case "thinking": return data.is_thinking ? "…" : "";
    case "feedback": return `${data.score} of 10: ${data.feedback}`;
    case "feedback_delta": return data.text;
    case "interview_ended": return `${data.summary.overall_score} of 100`;
    case "error": return `${data.code}: ${data.message}`;
  }
}

/** The open question, or nothing once the interview is over. */
export async function readQuestion(interviewer: Interviewer, id: string): Promise<Question | null> {
  const reply = await interviewer.read(id);
  if (reply.status === "error") throw new Error(reply.error.message);
  return reply.data.current_question;
}

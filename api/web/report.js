/** An interview that is over, as files to keep. */

import { nameTurns } from "./scores.js";

/** The interview as a Markdown document. */
export function writeMarkdown(interview) {
  const { config, created_at: created, summary } = interview;
  const facts = [
    `${created.slice(0, 16).replace("T", " ")} UTC`, config.experience_level,
    config.interview_type.replace("_", " "), `${config.duration} minutes`, config.skills.join(", "),
  ];
  const lists = [["Strengths", summary.strengths], ["To improve", summary.areas_for_improvement]];
  return `${[
    `# Interview: ${config.job_role}`,
    facts.filter(Boolean).join(" · "),
    "## Summary",
    `Overall score: **${summary.overall_score} of 100**`,
    ...lists.flatMap(([name, items]) => (items.length ? [`### ${name}`, bullets(items)] : [])),
    "### Recommendations",
    summary.recommendations,
    ...nameTurns(interview.turns).flatMap(writeTurn),
  ].join("\n\n")}\n`;
}

/** Offer a text as a file. */
export function download(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A file's name, such as interview-python-developer-2026-03-01.md. */
export function nameFile({ config, created_at: created }, ending) {
  const role = config.job_role.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  return `interview-${role.slice(0, 60)}-${created.slice(0, 10)}.${ending}`;
}

function writeTurn({ name, question, answer, evaluation }) {
  const quoted = (answer ?? "(no answer)").trim().split("\n").map((line) => `> ${line}`.trimEnd()).join("\n");
  const parts = [`## ${name}`, question.text, quoted];
  if (!evaluation) return parts;
  parts.push(`**${evaluation.score}/10** ${evaluation.feedback}`);
  if (evaluation.evidence.length) {
    parts.push("Evidence:", bullets(evaluation.evidence.map(({ quote, shows }) => `“${quote}” – ${shows}`)));
  }
  if (evaluation.missing.length) parts.push("Left out:", bullets(evaluation.missing));
  return parts;
}

function bullets(items) {
  return items.map((item) => `- ${item}`).join("\n");
}

"""The proof: recorded answers, graded by exactly the engine that the interview uses."""

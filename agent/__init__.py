"""The judgement: what an interview is, its rules, and the engines that ask and grade."""

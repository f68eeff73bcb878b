"""Who: covariates, individual parameters, untreated courses, enrolment."""

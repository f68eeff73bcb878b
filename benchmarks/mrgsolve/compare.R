# mrgsolve on the common workload: Rscript compare.R FOLDER [ROUNDS]
#
# FOLDER is what write_inputs.py wrote. For both ways to pose the workload, the loosest tolerance that keeps every
# disease state of every week of 20 patients within 1e-3 of the reference is searched, then all patients are timed
# with one process a core, the slowest process counting. Compilation is not timed. The result is printed and written
# to FOLDER/mrgsolve.json in the form of an entry of compare.json.

suppressPackageStartupMessages(library(mrgsolve))

arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
rounds <- if (length(arguments) > 1) as.integer(arguments[2]) else 3L
population <- read.csv(file.path(folder, "population.csv"))
reference <- read.csv(file.path(folder, "reference.csv"))
schedule <- read.csv(file.path(folder, "schedule.csv"))
states <- setdiff(names(reference), c("ID", "time"))
gated <- unique(reference$ID)
gate <- 1e-3
ladder <- c(1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7)
cores <- max(1L, parallel::detectCores())
doses <- ev(amt = schedule$dose, ii = schedule$interval, addl = schedule$doses - 1, cmt = "depot")

# One call; NULL where the solver gave up or left a value that is not a number.
simulate <- function(model, people) {
  got <- tryCatch(
    as.data.frame(mrgsim_ei(model, doses, people,
      start = 0, end = schedule$end, delta = schedule$every, obsonly = TRUE
    )),
    error = function(problem) NULL, warning = function(problem) NULL
  )
  expected <- nrow(people) * (schedule$end / schedule$every + 1)
  if (is.null(got) || nrow(got) != expected || !all(is.finite(as.matrix(got[, states])))) NULL else got
}

# Largest relative error on the patients with a reference; infinite where a patient failed.
error_of <- function(model) {
  got <- simulate(model, population[population$ID %in% gated, ])
  if (is.null(got)) {
    return(Inf)
  }
  got <- got[order(got$ID, got$time), ]
  stopifnot(all(got$ID == reference$ID), all(abs(got$time - reference$time) < 1e-9))
  exact <- as.matrix(reference[, states])
  max(abs(as.matrix(got[, states]) - exact) / abs(exact))
}

# Patients per second of the machine, one process a core.
rate_of <- function(model) {
  shares <- split(seq_len(nrow(population)), rep(seq_len(cores), length.out = nrow(population)))
  seconds <- parallel::mclapply(shares, function(rows) {
    taken <- system.time(got <- simulate(model, population[rows, ]))[["elapsed"]]
    if (is.null(got)) NA_real_ else taken
  }, mc.cores = cores)
  nrow(population) / max(unlist(seconds))
}

best <- NULL
for (variant in c("amounts", "closed")) {
  model <- mread(variant, project = folder, quiet = TRUE)
  invisible(simulate(model, population[1, ]))
  for (tolerance in ladder) {
    tried <- update(model, rtol = tolerance, atol = tolerance / 10, maxsteps = 1000000)
    error <- error_of(tried)
    cat(sprintf("%-8s %8.0e  error %8.2e\n", variant, tolerance, error))
    if (error < gate) {
      rates <- vapply(seq_len(rounds), function(i) rate_of(tried), numeric(1))
      if (is.null(best) || isTRUE(median(rates) > best$rate)) {
        best <- list(variant = variant, setting = tolerance, error = error, rate = median(rates), rates = rates)
      }
      break
    }
  }
}
if (is.null(best) || is.na(best$rate)) stop("mrgsolve: no tolerance passed, or a timed run failed")
names_of <- c(amounts = "restart per dose", closed = "closed-form kinetics, restart per dose")
text <- sprintf(
  paste0(
    '{"engine": "mrgsolve", "title": "mrgsolve, LSODA", "processes": %d, "versions": {"mrgsolve": "%s", "R": "%s"}, ',
    '"variant": "%s", "setting": %.17g, "error": %.6g, "patients": %d, "rate": %.6g, "lowest": %.6g, "highest": %.6g}'
  ),
  cores, as.character(packageVersion("mrgsolve")), as.character(getRversion()), names_of[[best$variant]], best$setting, best$error,
  nrow(population) * rounds, best$rate, min(best$rates), max(best$rates)
)
writeLines(text, file.path(folder, "mrgsolve.json"))
cat(sprintf("mrgsolve: %.4g patients/s on %d cores, error %.1e\n", best$rate, cores, best$error))

"""A small virtual SLS II from Python."""

from rodnan import report, trial

result = trial.run("sls-2", patients=200, pool=1024, replicates=100, seed=1, force=True)
for row in result["outcomes"]:
    if row["published"] and row["endpoint"] == "fvc_pct_pred":
        simulated = row["simulated"]
        print(row["arm"], row["week"], simulated["mean"], simulated["interval90"], row["published"]["mean"])
print(report.text_tables(result))

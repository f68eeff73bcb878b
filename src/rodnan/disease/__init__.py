"""The patient's biology: states, equations, parameters, readouts."""

"""rodnan.calibration"""

"""rodnan.disease"""

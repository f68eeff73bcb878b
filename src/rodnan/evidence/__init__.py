"""rodnan.evidence"""

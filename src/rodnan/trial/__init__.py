"""rodnan.trial"""

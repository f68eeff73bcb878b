"""rodnan.cli"""

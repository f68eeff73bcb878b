"""rodnan.engine"""

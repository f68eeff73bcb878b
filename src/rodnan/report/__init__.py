"""rodnan.report"""

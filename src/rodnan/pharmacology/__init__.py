"""rodnan.pharmacology"""

"""rodnan.population"""

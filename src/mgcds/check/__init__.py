"""Runs the cases beside the rules, and shows which numbers no case would miss."""

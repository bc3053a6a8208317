"""Which recipe to pick: rules, the recommendation, its reasons in words, and exact sizes before anything is known."""

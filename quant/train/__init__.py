"""How the embedded model is made: texts set aside, pretraining, the average of two runs. Programs run by hand."""

"""How a run goes: the pytest plugin, the controller, the workers, and the folder of a run."""

"""`python -m langswarm_nb serve`: chat, session browser and dashboard as a web page, through Voila.

```
command    the command line, before Voila is imported
  server     Voila with one gate before everything that it serves
    gate       no answer without the token; headers that keep the page to itself
  page.ipynb   what is shown; template/ is the page around it
```
"""

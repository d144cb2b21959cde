from requests import *
